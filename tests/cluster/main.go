// A Kubernetes control plane in one process, for tests: etcd, API server, controller manager,
// scheduler, and KWOK in place of kubelets; and kubectl.
//
//	cluster serve DIR
//
// keeps its data in DIR, writes DIR/kubeconfig (an administrator) and DIR/kubeconfig-nobody (an
// identity without rights), prints "ready" and runs until its standard input closes, so that a
// test that is killed leaves no process behind. With CLUSTER_AUDIT set, DIR/audit.log records every
// request.
//
//	cluster proxy DIR RULES
//
// stands between a client and the server of DIR and does to requests what the rules say.
//
//	cluster kubectl ARGUMENTS
//
// is kubectl of the same version.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	logsapi "k8s.io/component-base/logs/api/v1"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "kubectl" {
		runKubectl()
		return
	}
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		var dir string
		if dir, err = filepath.Abs(os.Args[2]); err == nil {
			err = run(dir)
		}
	case len(os.Args) == 4 && os.Args[1] == "proxy":
		err = runProxy(os.Args[2], os.Args[3])
	default:
		fmt.Fprintln(os.Stderr, "usage: cluster serve DIR | cluster proxy DIR RULES | cluster kubectl ARGUMENTS")
		os.Exit(64)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	// Every component sets up logging for itself.
	logsapi.ReapplyHandling = logsapi.ReapplyHandlingIgnoreUnchanged
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	ports, err := portsOf(dir)
	if err != nil {
		return err
	}
	keys, err := makeKeys(dir, ports.api)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	failed := make(chan error, 8)
	part := func(name string, f func() error) {
		go func() {
			if err := f(); err != nil {
				failed <- fmt.Errorf("%s: %w", name, err)
			}
		}()
	}
	if err := startEtcd(dir, ports); err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	part("kube-apiserver", func() error { return runAPIServer(ctx, dir, keys, ports) })
	if err := until(ctx, failed, startLimit, keys.readyz); err != nil {
		return err
	}
	if err := keys.makeNodes(); err != nil {
		return err
	}
	if err := keys.makeStorage(); err != nil {
		return err
	}
	os.Args[0] = "kube-controller-manager"
	part("kube-controller-manager", func() error { return runControllers(ctx, keys) })
	part("kube-scheduler", func() error { return runScheduler(ctx, keys) })
	part("kwok", func() error { return runNodes(ctx, dir, keys, ports) })
	if err := until(ctx, failed, startLimit, keys.takesPods); err != nil {
		return err
	}
	fmt.Println("ready")

	gone := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(gone)
	}()
	select {
	case err := <-failed:
		return err
	case <-gone:
		// A graceful stop of the API server without its etcd hangs for a minute.
		os.Exit(0)
	}
	return nil
}

// startLimit is generous: a machine that runs all tests at once is slow.
const startLimit = 120 * time.Second

func until(ctx context.Context, failed <-chan error, limit time.Duration, check func() error) error {
	deadline := time.After(limit)
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case err := <-failed:
			return err
		case <-deadline:
			return fmt.Errorf("not ready within %s: %w", limit, err)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

type ports struct{ etcd, peer, api, kubelet int }

// portsOf gives the ports of an earlier run on the same data, so that clients find it again.
func portsOf(dir string) (ports, error) {
	path := filepath.Join(dir, "ports")
	var p ports
	if text, err := os.ReadFile(path); err == nil {
		if _, err := fmt.Sscan(string(text), &p.etcd, &p.peer, &p.api, &p.kubelet); err == nil {
			return p, nil
		}
	}
	for _, port := range []*int{&p.etcd, &p.peer, &p.api, &p.kubelet} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return p, err
		}
		defer listener.Close()
		*port = listener.Addr().(*net.TCPAddr).Port
	}
	text := strconv.Itoa(p.etcd) + " " + strconv.Itoa(p.peer) + " " + strconv.Itoa(p.api) + " " + strconv.Itoa(p.kubelet) + "\n"
	return p, os.WriteFile(path, []byte(text), 0o600)
}

func (k *keys) get(path string) error {
	response, err := k.client.Get(k.url + path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status + " " + path + " " + string(body))
	}
	return nil
}

func (k *keys) readyz() error { return k.get("/readyz") }
