//go:build kube1_30

// What Kubernetes 1.30 does in another way than the newest.

package main

import (
	"os"

	"k8s.io/component-base/cli"
	kubeletapp "k8s.io/kubernetes/cmd/kubelet/app"
)

func kubelet() { os.Exit(cli.Run(kubeletapp.NewKubeletCommand())) }

func readVerbosity() {} // its kubectl doesn't
