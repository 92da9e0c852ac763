package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// rule is a fault: which requests it meets, and what becomes of them.
type rule struct {
	// Method and Path (regular expressions, Path over path and query) say which requests, and Except
	// (over path and query) which not; empty is all and none.
	Method string `json:"method"`
	Path   string `json:"path"`
	Except string `json:"except"`
	// The first and the last of them, counted from 1, and each how many-th between.
	From  int `json:"from"`
	To    int `json:"to"`
	Every int `json:"every"`
	// Only in this window, in milliseconds, after the first request of all, or after the first whose
	// method, a space, path and query match Start.
	Start   string `json:"start"`
	AfterMs int    `json:"afterMs"`
	UntilMs int    `json:"untilMs"`

	// What happens: a delay, then an answer of its own (an error, or this JSON), or a connection that is closed "before" or
	// "after" the request was passed on, or an answer that "never" comes though the connection stays
	// ("hold": after the request was passed on), or a stream that is cut or falls silent.
	DelayMs    int    `json:"delayMs"`
	Status     int    `json:"status"`
	Body       string `json:"body"`
	RetryAfter string `json:"retryAfter"`
	// An answer with 200 that the server never gave.
	Answer json.RawMessage `json:"answer"`
	Drop       string `json:"drop"`
	CutMs      int    `json:"cutMs"`
	SilentMs   int    `json:"silentMs"`

	method, path, except, start *regexp.Regexp
	seen                        int
	started                     time.Time
}

// compile reads the regular expressions of a rule.
func (r *rule) compile() error {
	for _, pattern := range []struct {
		text string
		into **regexp.Regexp
	}{{r.Method, &r.method}, {r.Path, &r.path}, {r.Except, &r.except}, {r.Start, &r.start}} {
		compiled, err := regexp.Compile(pattern.text)
		if err != nil {
			return err
		}
		*pattern.into = compiled
	}
	return nil
}

type proxy struct {
	mutex   sync.Mutex
	rules   []*rule
	log     *os.File
	forward *httputil.ReverseProxy
}

// runProxy stands between a client and the API server of DIR and does what the rules of a JSON file
// say. It writes DIR/kubeconfig-proxy and DIR/proxy.log, a line for each request.
func runProxy(dir, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var rules []*rule
	if err := json.Unmarshal(text, &rules); err != nil {
		return err
	}
	for _, r := range rules {
		if err := r.compile(); err != nil {
			return err
		}
	}
	ports, err := portsOf(dir)
	if err != nil {
		return err
	}
	k, err := makeKeys(dir, ports.api)
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, "proxy.log"))
	if err != nil {
		return err
	}
	target, err := url.Parse(k.url)
	if err != nil {
		return err
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.Transport = k.client.Transport
	forward.FlushInterval = -1
	forward.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { hangUp(w) }
	p := &proxy{rules: rules, log: log, forward: forward}

	certificate, err := tls.LoadX509KeyPair(k.path("server.crt"), k.path("server.key"))
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	k.url = "https://" + listener.Addr().String()
	if err := k.writeKubeconfig("admin", filepath.Join(dir, "kubeconfig-proxy")); err != nil {
		return err
	}
	// One connection for each request, as HTTP/1.1 has it: to close it hits nobody else.
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"http/1.1"}}
	server := &http.Server{Handler: p}
	go func() { _ = server.Serve(tls.NewListener(listener, config)) }()
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return nil
}

// match is the first rule that meets a request.
func (p *proxy) match(r *http.Request) *rule {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, rule := range p.rules {
		if rule.started.IsZero() && rule.start.MatchString(r.Method+" "+r.RequestURI) {
			rule.started = time.Now()
		}
		if rule.started.IsZero() || !rule.method.MatchString(r.Method) || !rule.path.MatchString(r.RequestURI) {
			continue
		}
		if rule.Except != "" && rule.except.MatchString(r.RequestURI) {
			continue
		}
		rule.seen++
		n := rule.seen
		if n < rule.From || rule.To > 0 && n > rule.To {
			continue
		}
		if rule.Every > 1 && n%rule.Every != 0 {
			continue
		}
		age := int(time.Since(rule.started).Milliseconds())
		if age < rule.AfterMs || rule.UntilMs > 0 && age > rule.UntilMs {
			continue
		}
		return rule
	}
	return nil
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rule := p.match(r)
	what := "passed"
	if rule != nil {
		what = "met"
	}
	p.mutex.Lock()
	fmt.Fprintf(p.log, "%s %s %s\n", what, r.Method, r.RequestURI)
	p.mutex.Unlock()
	if rule == nil {
		p.forward.ServeHTTP(w, r)
		return
	}
	select {
	case <-time.After(time.Duration(rule.DelayMs) * time.Millisecond):
	case <-r.Context().Done():
		return
	}
	switch {
	case rule.Drop == "before":
		hangUp(w)
	case rule.Drop == "after":
		p.forward.ServeHTTP(&nowhere{header: http.Header{}}, r)
		hangUp(w)
	case rule.Drop == "hold":
		p.forward.ServeHTTP(&nowhere{header: http.Header{}}, r)
		<-r.Context().Done()
	case rule.Drop == "never":
		<-r.Context().Done()
	case rule.Status != 0:
		if rule.RetryAfter != "" {
			w.Header().Set("Retry-After", rule.RetryAfter)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(rule.Status)
		reason := strings.ReplaceAll(http.StatusText(rule.Status), " ", "")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"kind": "Status", "apiVersion": "v1", "status": "Failure",
			"message": rule.Body, "reason": reason, "code": rule.Status,
		})
	case rule.Answer != nil:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(rule.Answer)
	case rule.CutMs != 0:
		// The forwarder aborts the connection itself when its time is over: a stream that ended before
		// that has no connection left to be closed by anybody else.
		cut, cancel := context.WithTimeout(r.Context(), time.Duration(rule.CutMs)*time.Millisecond)
		defer cancel()
		p.forward.ServeHTTP(w, r.WithContext(cut))
	case rule.SilentMs != 0:
		p.forward.ServeHTTP(&silent{ResponseWriter: w, until: time.Now().Add(time.Duration(rule.SilentMs) * time.Millisecond)}, r)
		// Nor does it end when the server ends it.
		<-r.Context().Done()
	default:
		p.forward.ServeHTTP(w, r)
	}
}

// silent is a stream on which nothing comes any more after a while, though it stays open.
type silent struct {
	http.ResponseWriter
	until time.Time
}

func (s *silent) Write(bytes []byte) (int, error) {
	if time.Now().After(s.until) {
		return len(bytes), nil
	}
	return s.ResponseWriter.Write(bytes)
}

func (s *silent) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// hangUp closes the connection of a request.
func hangUp(w http.ResponseWriter) {
	if hijacker, ok := w.(http.Hijacker); ok {
		if connection, _, err := hijacker.Hijack(); err == nil {
			_ = connection.Close()
		}
	}
}

// nowhere takes an answer that the client never gets.
type nowhere struct {
	header http.Header
	bytes.Buffer
}

func (n *nowhere) Header() http.Header { return n.header }
func (n *nowhere) WriteHeader(int)     {}
