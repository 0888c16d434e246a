// The receiver of caep.dev against our transmitter: it sets its stream up from the metadata, reads and changes it, has
// it verified, polls until a session is revoked, and leaves. What it has parsed it prints, one JSON object a line.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/sgnl-ai/caep.dev/secevent/pkg/event"
	"github.com/sgnl-ai/caep.dev/secevent/pkg/parser"
	"github.com/sgnl-ai/caep.dev/secevent/pkg/schemes/caep"
	"github.com/sgnl-ai/caep.dev/secevent/pkg/schemes/ssf"
	"github.com/sgnl-ai/caep.dev/ssfreceiver/auth"
	"github.com/sgnl-ai/caep.dev/ssfreceiver/builder"
	"github.com/sgnl-ai/caep.dev/ssfreceiver/options"
)

const patience = 30 * time.Second

func main() {
	base, audience, ctx := os.Args[1], os.Args[2], context.Background()
	bearer, err := auth.NewBearer(os.Getenv("RECEIVER_TOKEN"))
	must(err)
	setup, err := builder.New(
		base+"/.well-known/ssf-configuration",
		builder.WithPollDelivery(),
		builder.WithAuth(bearer),
		builder.WithEventTypes([]event.EventType{caep.EventTypeSessionRevoked}),
	)
	must(err)
	stream, err := setup.Setup(ctx)
	must(err)
	_, err = stream.GetStatus(ctx)
	must(err)
	must(stream.Pause(ctx, options.WithStatusReason("not yet")))
	must(stream.Resume(ctx))
	// The standard answers 204; versions of this library take 200 alone, and call that an error.
	if err := stream.Verify(ctx, options.WithState("a state of theirs")); err != nil {
		if !strings.Contains(err.Error(), "status 204") {
			must(err)
		}
	}

	verifying := parser.NewParser(
		parser.WithJWKSURL(base+"/ssf/jwks.json"),
		parser.WithExpectedIssuer(base),
		parser.WithExpectedAudience(audience),
	)
	deadline := time.Now().Add(patience)
	for seen := map[event.EventType]bool{}; !(seen[ssf.EventTypeVerification] && seen[caep.EventTypeSessionRevoked]); {
		if time.Now().After(deadline) {
			must(fmt.Errorf("not all events came in time"))
		}
		sets, err := stream.Poll(ctx, options.WithMaxEvents(10), options.WithAutoAck(true))
		must(err)
		for jti, set := range sets {
			got, err := verifying.ParseSecEvent(set)
			must(err)
			seen[got.Event.Type()] = true
			subject, err := got.Subject.Payload()
			must(err)
			line, err := json.Marshal(map[string]any{"jti": jti, "type": got.Event.Type(), "subject": subject})
			must(err)
			fmt.Println(string(line))
		}
	}
	must(stream.Delete(ctx))
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
