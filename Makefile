# Every step of CI is one target. `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Each step needs both cores, and the tests the same cluster.
.NOTPARALLEL:

CRDS := scheduledcontainers schedulecalendars clusterschedulecalendars
PAGES := examples flags metrics reasons
CHARTS := punctual punctual-crds
CARGO := cargo

.PHONY: help demo demo-down test fmt fmt-check lint test-unit sim model test-robfig test-charts test-cluster \
        test-oldest test-faults test-e2e fuzz generate image advisories build cluster-up cluster-down bench-smoke \
        bench-fairness bench-next

help: ## List the targets
	@echo "Punctual runs containers on a schedule in Kubernetes. Targets:"
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## See it work: a cluster, a controller, a minute of schedules
	@hack/demo

demo-down: ## Take the demo's cluster down
	@hack/cluster/cluster down

test: fmt-check lint test-unit sim test-robfig test-charts test-cluster ## Run every test

fmt: ## Format the code
	$(CARGO) fmt

fmt-check: ## Check that the code is formatted
	$(CARGO) fmt --check

lint: OTHER_TESTS = $(wildcard tests/cluster_*.rs) tests/charts.rs tests/e2e.rs tests/robfig.rs tests/simulation.rs
lint: ## Run clippy, whose warnings are errors, and check which crates are in the tree
	@# --all-targets leaves out what plain `cargo test` leaves out, so those tests are named.
	$(CARGO) clippy --all-targets $(OTHER_TESTS:tests/%.rs=--test %) --locked -- -D warnings
	@hack/deny bans licenses sources

test-unit: ## Run the tests that need no cluster
	$(CARGO) test --locked --no-fail-fast

sim: SEEDS = 10000
sim: ## Attack the driver on a cluster in memory: SEEDS=10000 worlds, or the one of SEED=n, with its story
	@SEEDS=$(SEEDS) SEED=$(SEED) $(CARGO) test --locked --test simulation -- --nocapture $(if $(SEED),every_seed)

model: ## Check the protocol in every state, also the long models (see tests/model.rs)
	$(CARGO) test --locked --test model -- --nocapture --test-threads 1 --include-ignored

test-robfig: ## Compare with robfig/cron, the parser of CronJob; needs Go
	$(CARGO) test --locked --test robfig

test-charts: ## Lint, render and check the Helm charts; needs Go
	@hack/test-charts

test-cluster: ## Run the tests on a real API server and a real node
	@hack/test-cluster

test-oldest: ## Run those that need no node on the oldest Kubernetes that we support, built from source
	@hack/test-oldest

test-faults: PART = 1/1
test-faults: ## Kill the controller at each of 250 writes and more, for an hour; PART=3/7 does a part
	@PUNCTUAL_TEST_FAULTS=$(PART) hack/test-cluster cluster_faults cluster_outages

test-e2e: FROM =
test-e2e: ## Install the image by Helm on a real cluster, watch, upgrade, kill and remove it; FROM=REVISION begins with that one
	@FROM=$(FROM) hack/test-e2e

fuzz: SECONDS = 60
fuzz: ## Fuzz the parser and the search for fires, for SECONDS each; needs cargo-fuzz and nightly
	@hack/fuzz $(SECONDS)

generate: ## Write the generated files anew
	@for resource in $(CRDS); do \
		$(CARGO) run --quiet --locked -- crd $$resource > crds/$$resource.punctual.dev.yaml.new; \
		mv crds/$$resource.punctual.dev.yaml.new crds/$$resource.punctual.dev.yaml; \
	done
	@for page in $(PAGES); do \
		$(CARGO) run --quiet --locked -- reference $$page > docs/$$page.md.new; \
		mv docs/$$page.md.new docs/$$page.md; \
	done
	@for resource in $(CRDS); do \
		hack/chart-crd < crds/$$resource.punctual.dev.yaml > charts/punctual-crds/templates/$$resource.punctual.dev.yaml; \
	done
	@for chart in $(CHARTS); do \
		hack/chart-readme charts/$$chart > charts/$$chart/README.md.new; \
		mv charts/$$chart/README.md.new charts/$$chart/README.md; \
	done
	@echo "wrote $(CRDS:%=crds/%.punctual.dev.yaml) $(PAGES:%=docs/%.md), and the charts' templates and tables from them"

image: ## Build the container image, without Docker, into target/image
	@hack/image

advisories: ## Look for known vulnerabilities in the crates; fetches their list from GitHub
	@hack/deny advisories

build: ## Build the program for release, into target/release
	$(CARGO) build --release --locked

cluster-up: ## Start a real local cluster (see hack/cluster)
	@hack/cluster/cluster up

cluster-down: ## Take it down
	@hack/cluster/cluster down

bench-smoke: ## Fire 1,000 schedules at one instant and measure
	@hack/bench-smoke

bench-fairness: ## Measure what a tenant feels of another that has 2,000 every-second schedules
	@BENCH=fairness hack/bench-smoke

bench-next: ## Measure the search for the next fire beside cron, croner and robfig
	@hack/bench-next
