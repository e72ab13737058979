package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// authorityLife outlives any use of a test cluster's directory; leaves are made afresh on every start.
const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 365 * 24 * time.Hour
	clockSkew     = time.Hour
)

// leaf is one certificate signed by the cluster's authority; one with `kubeconfig` gets NAME.kubeconfig as well.
type leaf struct {
	name       string
	user       string
	groups     []string
	kubeconfig bool
}

var leaves = []leaf{
	{name: "apiserver", user: "kube-apiserver"},
	{name: "kubelet", user: "kwok-kubelet"}, // what the simulated nodes serve logs with
	{name: "admin", user: "admin", groups: []string{"system:masters"}, kubeconfig: true},
	{name: "kwok", user: "kwok", groups: []string{"system:masters"}, kubeconfig: true},
	{name: "controller-manager", user: "system:kube-controller-manager", kubeconfig: true},
	{name: "scheduler", user: "system:kube-scheduler", kubeconfig: true},
}

// runPrepare writes DIR/pki and DIR/*.kubeconfig for an API server at https://127.0.0.1:PORT. The authority and the
// ServiceAccount key survive a second run, so that a restarted cluster honours the tokens it gave out.
func runPrepare() {
	if len(os.Args) != 3 {
		fatal(errors.New("usage: cp prepare DIR PORT"))
	}
	if err := prepare(os.Args[1], "https://127.0.0.1:"+os.Args[2]); err != nil {
		fatal(err)
	}
}

func prepare(dir, server string) error {
	pki := filepath.Join(dir, "pki")
	if err := os.MkdirAll(pki, 0o700); err != nil {
		return err
	}
	authority, authorityKey, err := ensureAuthority(filepath.Join(pki, "ca"), "control-plane-ca")
	if err != nil {
		return err
	}
	// The API server demands an authority for front proxies. Nothing here is one.
	if _, _, err := ensureAuthority(filepath.Join(pki, "front-proxy-ca"), "front-proxy-ca"); err != nil {
		return err
	}
	if err := ensureServiceAccountKey(filepath.Join(pki, "service-account")); err != nil {
		return err
	}
	for _, wanted := range leaves {
		if err := writeLeaf(dir, server, wanted, authority, authorityKey); err != nil {
			return fmt.Errorf("%s: %w", wanted.name, err)
		}
	}
	return nil
}

func ensureAuthority(base, name string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	if key, err := readKey(base + ".key"); err == nil {
		encoded, err := os.ReadFile(base + ".crt")
		if err != nil {
			return nil, nil, err
		}
		block, _ := pem.Decode(encoded)
		if block == nil {
			return nil, nil, fmt.Errorf("%s.crt holds no PEM block", base)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		return certificate, key, err
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template, err := newTemplate(pkix.Name{CommonName: name}, authorityLife)
	if err != nil {
		return nil, nil, err
	}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	// The key is written last: a key on disk says that its certificate is complete.
	if err := writePEM(base+".crt", "CERTIFICATE", der); err != nil {
		return nil, nil, err
	}
	if err := writeKey(base+".key", key); err != nil {
		return nil, nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return certificate, key, err
}

func ensureServiceAccountKey(base string) error {
	key, err := readKey(base + ".key")
	if errors.Is(err, os.ErrNotExist) {
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return err
		}
		if err = writeKey(base+".key", key); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	return writePEM(base+".pub", "PUBLIC KEY", public)
}

func writeLeaf(dir, server string, wanted leaf, authority *x509.Certificate, authorityKey *ecdsa.PrivateKey) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template, err := newTemplate(pkix.Name{CommonName: wanted.user, Organization: wanted.groups}, leafLife)
	if err != nil {
		return err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)}
	template.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}
	der, err := x509.CreateCertificate(rand.Reader, template, authority, key.Public(), authorityKey)
	if err != nil {
		return err
	}
	base := filepath.Join(dir, "pki", wanted.name)
	if err := writePEM(base+".crt", "CERTIFICATE", der); err != nil {
		return err
	}
	if err := writeKey(base+".key", key); err != nil {
		return err
	}
	if !wanted.kubeconfig {
		return nil
	}
	return writeKubeconfig(dir, server, wanted.name, authority)
}

func writeKubeconfig(dir, server, user string, authority *x509.Certificate) error {
	base := filepath.Join(dir, "pki", user)
	certificate, err := os.ReadFile(base + ".crt")
	if err != nil {
		return err
	}
	key, err := os.ReadFile(base + ".key")
	if err != nil {
		return err
	}
	const name = "kubernaut-control-plane"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{
		Server:                   server,
		CertificateAuthorityData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Raw}),
	}
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificateData: certificate, ClientKeyData: key}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: user, Namespace: "default"}
	config.CurrentContext = name
	return clientcmd.WriteToFile(*config, filepath.Join(dir, user+".kubeconfig"))
}

func newTemplate(subject pkix.Name, life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		NotBefore:    now.Add(-clockSkew),
		NotAfter:     now.Add(life),
	}, nil
}

func readKey(path string) (*ecdsa.PrivateKey, error) {
	encoded, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(encoded)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM block", path)
	}
	return x509.ParseECPrivateKey(block.Bytes)
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(path, "EC PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
