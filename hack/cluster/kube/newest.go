//go:build !kube1_30

// What the newest Kubernetes does in another way than 1.30.

package main

import (
	"context"
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	kubectlcmd "k8s.io/kubectl/pkg/cmd"
	kubeletapp "k8s.io/kubernetes/cmd/kubelet/app"
)

func kubelet() { os.Exit(cli.Run(kubeletapp.NewKubeletCommand(context.Background()))) }

// As in kubectl's own main: the verbosity must be known before the flags are
// parsed, because plugins are looked up first.
func readVerbosity() { _, _ = logs.GlogSetter(kubectlcmd.GetLogVerbosity(os.Args)) }
