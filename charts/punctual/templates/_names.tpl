{{/* The name of all objects: at most 40 characters, so that it can name the Lease. */}}
{{- define "punctual.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- if contains $name .Release.Name }}{{ $name = .Release.Name }}{{ else }}{{ $name = printf "%s-%s" .Release.Name $name }}{{ end -}}
{{- .Values.fullnameOverride | default $name | replace "." "-" | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "punctual.serviceAccount" -}}
{{- $made := include "punctual.fullname" . -}}
{{- .Values.serviceAccount.name | default (ternary $made "default" .Values.serviceAccount.create) -}}
{{- end }}

{{/* Whether there is a schedule file: yes, or nothing. */}}
{{- define "punctual.hasFile" -}}
{{- if or .Values.scheduleFile.content .Values.scheduleFile.existingConfigMap }}yes{{ end -}}
{{- end }}

{{- define "punctual.configMap" -}}
{{- .Values.scheduleFile.existingConfigMap | default (printf "%s-schedule" (include "punctual.fullname" .)) -}}
{{- end }}

{{- define "punctual.image" -}}
{{- with .Values.image -}}
{{- with .registry }}{{ . }}/{{ end }}{{ .repository -}}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end }}

{{- define "punctual.instance" -}}
app.kubernetes.io/name: {{ .Values.nameOverride | default .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* What selects the controller's pods. It can't change once it is installed. */}}
{{- define "punctual.selector" -}}
{{ include "punctual.instance" . }}
app.kubernetes.io/component: controller
{{- end }}

{{- define "punctual.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "punctual.instance" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: punctual
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The head of every object, but for its namespace: of `dict "root" $ "name" NAME`, and more "labels" and "annotations". */}}
{{- define "punctual.metadata" -}}
name: {{ .name }}
labels:
  {{- merge (dict) (.labels | default dict) (include "punctual.labels" .root | fromYaml) | toYaml | nindent 2 }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
