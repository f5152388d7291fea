{{/* The controller's arguments. What isn't said is left to its own defaults. */}}
{{- define "punctual.args" -}}
{{- $file := .Values.scheduleFile -}}
{{- $lease := .Values.lease -}}
{{- $args := list "controller" (printf "--listen=%s:%d" .Values.http.address (int .Values.http.port)) -}}
{{- with .Values.watchNamespace }}{{ $args = append $args (printf "--namespace=%s" .) }}{{ end -}}
{{- if include "punctual.hasFile" . -}}
  {{- $args = append $args (printf "--schedule-file=/etc/punctual/%s" $file.key) -}}
  {{- $args = append $args (printf "--schedule-source=%s" $file.source) -}}
  {{- with $file.namespace }}{{ $args = append $args (printf "--schedule-namespace=%s" .) }}{{ end -}}
{{- end -}}
{{- if $lease.enabled -}}
  {{- $args = append $args (printf "--lease=%s" ($lease.name | default (include "punctual.fullname" .))) -}}
  {{- $args = append $args (printf "--shards=%d" (int .Values.shards)) -}}
  {{- with $lease.duration }}{{ $args = append $args (printf "--lease-duration=%s" .) }}{{ end -}}
{{- else -}}
  {{- $args = append $args "--no-lease" -}}
{{- end -}}
{{- with .Values.concurrency }}{{ $args = append $args (printf "--concurrency=%d" (int .)) }}{{ end -}}
{{- with .Values.prepareAhead }}{{ $args = append $args (printf "--prepare-ahead=%s" .) }}{{ end -}}
{{- if .Values.metrics.perSchedule }}{{ $args = append $args "--schedule-metrics" }}{{ end -}}
{{- with .Values.tracing.endpoint }}{{ $args = append $args (printf "--otlp-endpoint=%s" .) }}{{ end -}}
{{- with .Values.log.level }}{{ $args = append $args (printf "--log-level=%s" .) }}{{ end -}}
{{- with .Values.log.format }}{{ $args = append $args (printf "--log-format=%s" .) }}{{ end -}}
{{- with .Values.log.runs }}{{ $args = append $args (printf "--run-logs=%s" .) }}{{ end -}}
{{- toYaml (concat $args .Values.extraArgs) -}}
{{- end }}

{{/* Where the controller's pods may be. */}}
{{- define "punctual.placement" -}}
{{- $own := dict "labelSelector" (dict "matchLabels" (include "punctual.selector" . | fromYaml)) }}
{{- with .Values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range . }}
  {{- $constraint := . }}
  {{- if not .labelSelector }}{{ $constraint = merge (dict) . $own }}{{ end }}
  {{- list $constraint | toYaml | nindent 2 }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}
