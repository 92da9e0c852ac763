package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// keys are the certificates of a cluster and the way to its API server.
type keys struct {
	dir        string
	url        string
	client     *http.Client
	kubeconfig string
}

func (k *keys) path(name string) string { return filepath.Join(k.dir, name) }

// makeKeys makes a CA and everything that it signs, or takes those of an earlier run.
func makeKeys(dir string, port int) (*keys, error) {
	k := &keys{
		dir:        filepath.Join(dir, "keys"),
		url:        fmt.Sprintf("https://127.0.0.1:%d", port),
		kubeconfig: filepath.Join(dir, "kubeconfig"),
	}
	if _, err := os.Stat(k.path("done")); err != nil {
		if err := k.make(dir); err != nil {
			return nil, err
		}
	}
	ca, err := os.ReadFile(k.path("ca.crt"))
	if err != nil {
		return nil, err
	}
	admin, err := tls.LoadX509KeyPair(k.path("admin.crt"), k.path("admin.key"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	k.client = &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{admin}},
		},
	}
	return k, nil
}

func (k *keys) make(dir string) error {
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return err
	}
	ca := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "erpc tests"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(1, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if err := k.sign("ca", ca, ca, caKey, caKey); err != nil {
		return err
	}
	leaf := func(serial int64, name pkix.Name, usage x509.ExtKeyUsage) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(serial),
			Subject:      name,
			NotBefore:    ca.NotBefore,
			NotAfter:     ca.NotAfter,
			KeyUsage:     x509.KeyUsageDigitalSignature,
			ExtKeyUsage:  []x509.ExtKeyUsage{usage},
		}
	}
	server := leaf(2, pkix.Name{CommonName: "kube-apiserver"}, x509.ExtKeyUsageServerAuth)
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	server.DNSNames = []string{"localhost", "kubernetes.default.svc"}
	admin := leaf(3, pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}}, x509.ExtKeyUsageClientAuth)
	nobody := leaf(4, pkix.Name{CommonName: "nobody"}, x509.ExtKeyUsageClientAuth)
	for name, certificate := range map[string]*x509.Certificate{"server": server, "admin": admin, "nobody": nobody} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		if err := k.sign(name, certificate, ca, key, caKey); err != nil {
			return err
		}
	}
	accounts, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if err := k.writeKey("accounts", accounts); err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&accounts.PublicKey)
	if err != nil {
		return err
	}
	if err := k.writePEM("accounts.pub", "PUBLIC KEY", public); err != nil {
		return err
	}
	for user, file := range map[string]string{"admin": "kubeconfig", "nobody": "kubeconfig-nobody"} {
		if err := k.writeKubeconfig(user, filepath.Join(dir, file)); err != nil {
			return err
		}
	}
	return os.WriteFile(k.path("done"), nil, 0o600)
}

func (k *keys) sign(name string, certificate, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) error {
	der, err := x509.CreateCertificate(rand.Reader, certificate, parent, &key.PublicKey, parentKey)
	if err != nil {
		return err
	}
	if err := k.writePEM(name+".crt", "CERTIFICATE", der); err != nil {
		return err
	}
	return k.writeKey(name, key)
}

func (k *keys) writeKey(name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return k.writePEM(name+".key", "EC PRIVATE KEY", der)
}

func (k *keys) writePEM(name, kind string, der []byte) error {
	var text bytes.Buffer
	if err := pem.Encode(&text, &pem.Block{Type: kind, Bytes: der}); err != nil {
		return err
	}
	return os.WriteFile(k.path(name), text.Bytes(), 0o600)
}

func (k *keys) writeKubeconfig(user, path string) error {
	data := func(name string) string {
		text, _ := os.ReadFile(k.path(name))
		return base64.StdEncoding.EncodeToString(text)
	}
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: test
contexts:
- name: test
  context: {cluster: test, user: %[1]s}
clusters:
- name: test
  cluster:
    server: %[2]s
    certificate-authority-data: %[3]s
users:
- name: %[1]s
  user:
    client-certificate-data: %[4]s
    client-key-data: %[5]s
`, user, k.url, data("ca.crt"), data(user+".crt"), data(user+".key"))
	return os.WriteFile(path, []byte(text), 0o600)
}
