// The receiver of go-ssf against our transmitter: it finds it by its metadata, makes a stream, has it verified, and
// polls until a session is revoked. The claims that its verifier has let through it prints, one JSON object a line.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/go-jose/go-jose/v4"
	ssf "github.com/hstern/go-ssf"
	"github.com/hstern/go-ssf/client"
	"github.com/hstern/go-ssf/receiver"
)

const (
	verification = "https://schemas.openid.net/secevent/ssf/event-type/verification"
	revoked      = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	patience     = 30 * time.Second
)

func main() {
	base, bearer := os.Args[1], "Bearer "+os.Getenv("RECEIVER_TOKEN")
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	found, err := client.FetchTransmitterConfig(ctx, base)
	must(err)
	streams, err := client.NewClient(
		base,
		client.WithAuthorizationHeader(bearer),
		client.WithEndpoints(client.EndpointPaths{Config: path(found.ConfigurationEndpoint)}),
	)
	must(err)
	made, err := streams.CreateConfig(ctx, &ssf.StreamConfig{
		Delivery:        ssf.Delivery{Method: ssf.DeliveryMethodPoll},
		EventsRequested: []string{revoked},
	})
	must(err)
	// The library names the stream in the query, where the standard names it in the body.
	verify(found.VerificationEndpoint, bearer, made.StreamID)

	seen := map[string]bool{}
	sink := receiver.SinkFunc(func(_ context.Context, payload []byte) error {
		var said struct {
			Events map[string]json.RawMessage `json:"events"`
		}
		if err := json.Unmarshal(payload, &said); err != nil {
			return err
		}
		fmt.Println(string(payload))
		for event := range said.Events {
			seen[event] = true
		}
		if seen[verification] && seen[revoked] {
			// One more round, so that the last is acknowledged.
			time.AfterFunc(time.Second, done)
		}
		return nil
	})
	poller := receiver.NewPoller(
		made.Delivery.EndpointURL,
		ssf.NewJOSESetVerifier(keys(found.JWKSURI)),
		sink,
		receiver.WithAuthorizationHeader(bearer),
		receiver.WithNoEventsBackoff(20*time.Millisecond, 200*time.Millisecond),
	)
	if err := poller.Run(ctx); !errors.Is(err, context.Canceled) {
		must(err)
	}
}

func keys(address string) jose.JSONWebKeySet {
	response, err := http.Get(address)
	must(err)
	defer response.Body.Close()
	var found jose.JSONWebKeySet
	must(json.NewDecoder(response.Body).Decode(&found))
	return found
}

func verify(address, bearer, stream string) {
	body, err := json.Marshal(map[string]string{"stream_id": stream, "state": "a state of theirs"})
	must(err)
	request, err := http.NewRequest(http.MethodPost, address, bytes.NewReader(body))
	must(err)
	request.Header.Set("Authorization", bearer)
	response, err := http.DefaultClient.Do(request)
	must(err)
	defer response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		must(fmt.Errorf("the verification was answered with %d", response.StatusCode))
	}
}

func path(address string) string {
	parsed, err := url.Parse(address)
	must(err)
	return parsed.Path
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
