// A receiver of shared signals in another language, on another library for signatures: it finds the transmitter by
// its metadata, makes a stream, has it verified, and polls until a session is revoked. What it has verified it
// prints, one JSON object a line.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	poll         = "urn:ietf:rfc:8936"
	verification = "https://schemas.openid.net/secevent/ssf/event-type/verification"
	revoked      = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	patience     = 30 * time.Second
)

type metadata struct {
	Issuer       string `json:"issuer"`
	Keys         string `json:"jwks_uri"`
	Streams      string `json:"configuration_endpoint"`
	Verification string `json:"verification_endpoint"`
}

type stream struct {
	ID       string          `json:"stream_id"`
	Issuer   string          `json:"iss"`
	Audience json.RawMessage `json:"aud"`
	Delivery struct {
		Method string `json:"method"`
		URL    string `json:"endpoint_url"`
	} `json:"delivery"`
}

type answer struct {
	Sets map[string]string `json:"sets"`
}

type claims struct {
	Issuer   string                     `json:"iss"`
	Audience string                     `json:"aud"`
	ID       string                     `json:"jti"`
	Issued   int64                      `json:"iat"`
	Expires  *int64                     `json:"exp"`
	User     *string                    `json:"sub"`
	Subject  json.RawMessage            `json:"sub_id"`
	Events   map[string]json.RawMessage `json:"events"`
}

// The transmitter's own address stands before a proxy that this test does not have.
var base, token, issuer string

func main() {
	base, token = os.Args[1], os.Getenv("RECEIVER_TOKEN")
	var found metadata
	ask(http.MethodGet, base+"/.well-known/ssf-configuration", nil, http.StatusOK, &found)
	issuer = found.Issuer
	var keys jose.JSONWebKeySet
	ask(http.MethodGet, found.Keys, nil, http.StatusOK, &keys)

	var made stream
	wish := map[string]any{"delivery": map[string]string{"method": poll}, "events_requested": []string{revoked}}
	ask(http.MethodPost, found.Streams, wish, http.StatusCreated, &made)
	check(made.Issuer == issuer && made.Delivery.Method == poll, "the stream is not as it was asked for")

	state := map[string]string{"stream_id": made.ID, "state": "a state of ours"}
	ask(http.MethodPost, found.Verification, state, http.StatusNoContent, nil)
	taken := []string{}
	deadline := time.Now().Add(patience)
	for seen := map[string]bool{}; !(seen[verification] && seen[revoked]); {
		check(time.Now().Before(deadline), "not all events came in time")
		var got answer
		ask(http.MethodPost, made.Delivery.URL, map[string]any{"maxEvents": 10, "ack": taken}, http.StatusOK, &got)
		taken = []string{}
		for jti, set := range got.Sets {
			said := verified(set, &keys)
			check(said.ID == jti, "the token has another jti")
			for event := range said.Events {
				seen[event] = true
			}
			taken = append(taken, jti)
			show(said)
		}
	}
	last := map[string]any{"maxEvents": 0, "returnImmediately": true, "ack": taken}
	ask(http.MethodPost, made.Delivery.URL, last, http.StatusOK, nil)
}

func verified(set string, keys *jose.JSONWebKeySet) claims {
	signed, err := jose.ParseSigned(set, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	must(err)
	head := signed.Signatures[0].Protected
	check(head.ExtraHeaders[jose.HeaderType] == "secevent+jwt", "the typ is another one")
	known := keys.Key(head.KeyID)
	check(len(known) == 1, "the kid is not published")
	payload, err := signed.Verify(known[0])
	must(err)
	var said claims
	must(json.Unmarshal(payload, &said))
	check(said.Issuer == issuer, "the issuer is another one")
	check(said.Expires == nil && said.User == nil, "the token has exp or sub")
	check(len(said.Events) == 1, "the token has not one event")
	return said
}

func ask(method, url string, body any, status int, into any) {
	var content io.Reader
	if body != nil {
		written, err := json.Marshal(body)
		must(err)
		content = bytes.NewReader(written)
	}
	if issuer != "" && strings.HasPrefix(url, issuer) {
		url = base + strings.TrimPrefix(url, issuer)
	}
	request, err := http.NewRequest(method, url, content)
	must(err)
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	must(err)
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	must(err)
	check(response.StatusCode == status, fmt.Sprintf("%s %s answered %d: %s", method, url, response.StatusCode, got))
	if into != nil {
		must(json.Unmarshal(got, into))
	}
}

func show(said claims) {
	line, err := json.Marshal(said)
	must(err)
	fmt.Println(string(line))
}

func must(err error) {
	if err != nil {
		check(false, err.Error())
	}
}

func check(right bool, what string) {
	if !right {
		fmt.Fprintln(os.Stderr, what)
		os.Exit(1)
	}
}
