package main

import (
	"testing"
	"time"

	"github.com/robfig/cron/v3"
)

// The expressions of benches/next.rs that robfig can read, with its optional seconds.
var expressions = []string{
	"* * * * *",
	"*/5 * * * *",
	"0 3 * * *",
	"30 2 * * MON-FRI",
	"0 0 1 * *",
	"0 0 29 2 *",
	"* * * * * *",
	"0 30 2 * * *",
}

var parser = cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

func BenchmarkNext(b *testing.B) {
	for _, name := range []string{"UTC", "Europe/Berlin"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			b.Fatal(err)
		}
		for _, expression := range expressions {
			schedule, err := parser.Parse(expression)
			if err != nil {
				b.Fatal(err)
			}
			b.Run(name+"|"+expression, func(b *testing.B) {
				start := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC).In(zone)
				t := start
				for b.Loop() {
					// Step from fire to fire, as a scheduler does, for some years and anew.
					t = schedule.Next(t)
					if t.Year() > 2056 {
						t = start
					}
				}
			})
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for _, expression := range expressions {
		b.Run("parse|"+expression, func(b *testing.B) {
			for b.Loop() {
				if _, err := parser.Parse(expression); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
