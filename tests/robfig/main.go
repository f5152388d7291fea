// Command robfig answers, line by line, what robfig/cron v3 (the parser of Kubernetes' CronJob)
// makes of an expression, so that tests/robfig.rs can compare.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/robfig/cron/v3"
)

// A search that robfig ends takes microseconds; one that takes this long walks in a circle.
const patience = 5 * time.Second

type question struct {
	Expression string `json:"expression"`
	Zone       string `json:"zone"`
	// Unix seconds.
	From  int64 `json:"from"`
	Count int   `json:"count"`
}

type answer struct {
	Fires []int64 `json:"fires"`
	// Why the expression is refused.
	Refused string `json:"refused,omitempty"`
	// What the parser panicked with.
	Panic string `json:"panic,omitempty"`
	// How the fires end, if there are fewer than were asked for: it gave up or walks in a circle.
	End string `json:"end,omitempty"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	to := json.NewEncoder(out)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			return err
		}
		zone, err := time.LoadLocation(q.Zone)
		if err != nil {
			return err
		}
		if err := to.Encode(ask(q, zone)); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return out.Flush()
}

func ask(q question, zone *time.Location) (a answer) {
	a.Fires = []int64{}
	schedule, err, panicked := parse(q.Expression)
	if panicked != nil {
		a.Panic = fmt.Sprint(panicked)
		return a
	}
	if err != nil {
		a.Refused = err.Error()
		return a
	}
	t := time.Unix(q.From, 0).In(zone)
	for len(a.Fires) < q.Count {
		next, ended := patiently(schedule, t)
		if !ended {
			a.End = "circle"
			return a
		}
		if next.IsZero() {
			a.End = "gave up"
			return a
		}
		a.Fires = append(a.Fires, next.Unix())
		t = next
	}
	return a
}

func parse(expression string) (schedule cron.Schedule, err error, panicked any) {
	defer func() { panicked = recover() }()
	schedule, err = cron.ParseStandard(expression)
	return schedule, err, nil
}

// patiently is false if the search does not end; it then goes on for as long as the program does.
func patiently(schedule cron.Schedule, t time.Time) (time.Time, bool) {
	found := make(chan time.Time, 1)
	go func() { found <- schedule.Next(t) }()
	select {
	case next := <-found:
		return next, true
	case <-time.After(patience):
		return time.Time{}, false
	}
}
