// One multi-call binary for a whole Kubernetes control plane: the first argument (or the name the binary is called
// by) picks the component. Two commands of its own take the place of openssl and setsid: `prepare` writes the
// certificates and kubeconfigs, `detach` starts a command in a session of its own.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	_ "time/tzdata" // CronJobs may name a time zone; the host may have none installed

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/etcdmain"
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	kcm "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kwokconfig "sigs.k8s.io/kwok/pkg/config"
	kwok "sigs.k8s.io/kwok/pkg/kwok/cmd"
	kwoklog "sigs.k8s.io/kwok/pkg/log"
	kwoksignals "sigs.k8s.io/kwok/pkg/utils/signals"
)

const usage = "usage: cp COMPONENT [flags], where COMPONENT is one of: " +
	"etcd kube-apiserver kube-controller-manager kube-scheduler kubectl kwok prepare detach"

// components run their own command line; os.Args starts with the component's name when one is called.
var components = map[string]func(){
	"etcd":                    func() { etcdmain.Main(os.Args) },
	"kube-apiserver":          func() { runCobra(apiserver.NewAPIServerCommand()) },
	"kube-controller-manager": func() { runCobra(kcm.NewControllerManagerCommand()) },
	"kube-scheduler":          func() { runCobra(scheduler.NewSchedulerCommand()) },
	"kubectl":                 runKubectl,
	"kwok":                    runKwok,
	"prepare":                 runPrepare,
	"detach":                  runDetach,
}

func main() {
	if run, ok := components[filepath.Base(os.Args[0])]; ok {
		run()
		return
	}
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	run, ok := components[os.Args[1]]
	if !ok {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	os.Args = os.Args[1:]
	run()
}

func runCobra(command *cobra.Command) { os.Exit(cli.Run(command)) }

func runKubectl() {
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
	}
}

func runKwok() {
	// component-base registers a --version flag that is no bool on pflag.CommandLine, and cobra merges that into every
	// command. kwok's root command has a Version and so wants a bool one: give it a clean CommandLine.
	pflag.CommandLine = pflag.NewFlagSet(os.Args[0], pflag.ContinueOnError)
	flags := pflag.NewFlagSet("global", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	ctx := kwoksignals.SetupSignalContext()
	ctx, logger := kwoklog.InitFlags(ctx, flags)
	ctx, err := kwokconfig.InitFlags(ctx, flags)
	if err != nil {
		logger.Error("Init config flags", "err", err)
		os.Exit(1)
	}
	command := kwok.NewCommand(ctx)
	command.PersistentFlags().AddFlagSet(flags)
	if err := command.ExecuteContext(ctx); err != nil {
		logger.Error("Execute exit", "err", err)
		os.Exit(1)
	}
}

// runDetach becomes the command it is given, in a new session and with nothing open but the standard three: a terminal's
// Ctrl-C does not reach it, no pipe of a test runner is held open by it, and the caller's $! stays its pid.
func runDetach() {
	if len(os.Args) < 2 {
		fatal(fmt.Errorf("usage: cp detach COMMAND [ARGUMENT...]"))
	}
	path, err := exec.LookPath(os.Args[1])
	if err != nil {
		fatal(err)
	}
	// Setsid fails only for a process group leader, which is then detached as far as Ctrl-C is concerned.
	_, _ = syscall.Setsid()
	for descriptor := 3; descriptor < 256; descriptor++ {
		syscall.CloseOnExec(descriptor)
	}
	fatal(syscall.Exec(path, os.Args[1:], os.Environ()))
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "cp:", err)
	os.Exit(1)
}
