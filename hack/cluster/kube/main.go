// Command kube is a whole Kubernetes cluster's programs in one binary: etcd,
// the control plane, the node's programs, and the clients that tests use.
//
//	kube PROGRAM [ARGS...]      or      a symlink named PROGRAM
//
// One binary, because the programs share nearly all of their code, which is
// then compiled, linked and kept on disk once. It is built from the published
// Go modules alone, so that a test cluster needs neither a container engine nor
// an image registry.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	_ "time/tzdata" // CronJobs and tests name time zones; the host may have none installed
)

// programs says what each name runs. A program takes its arguments from
// os.Args, and may return or exit. helm and kwok, which the older Kubernetes
// does without, enter themselves.
var programs = map[string]func(){
	"etcd":                    etcd,
	"kube-apiserver":          kubeAPIServer,
	"kube-controller-manager": kubeControllerManager,
	"kube-proxy":              kubeProxy,
	"kube-scheduler":          kubeScheduler,
	"kubectl":                 kubectl,
	"kubelet":                 kubelet,
}

func main() {
	name := filepath.Base(os.Args[0])
	if programs[name] == nil && len(os.Args) > 1 {
		// Every program then sees its own name as its first argument, as if
		// it had been called by a symlink.
		os.Args = os.Args[1:]
		name = os.Args[0]
	}
	program := programs[name]
	if program == nil {
		names := slices.Sorted(maps.Keys(programs))
		fmt.Fprintf(os.Stderr, "usage: kube %s [ARGS...]\n", strings.Join(names, "|"))
		os.Exit(2)
	}
	program()
}
