# Two commands do everything on a fresh machine: `make demo` and `make test`.
#
#   make            build the tools (target/release)
#   make demo       two throwaway servers, a sample database, the whole pipeline, a proven result
#                   KEEP=1 leaves the servers up and says how to connect
#   make test       formatting, lints, unit tests, end-to-end tests against real servers
#   make torture    the long campaigns: every way between versions, thirty kills, a hundred strikes at a copy, fifty cancels, sample databases (PGMIG_DATASETS);
#                   then whole migrations, struck at random moments until they are done, for ten minutes.
#                   MINUTES=n, SEED=n (the same faults again), ROUND=n (one round of a seed) and FAULT=part of a name run that
#                   last one alone; LARGE=n has a database of 2 GB in every n-th round, and takes 8 GB of memory for disks that can be full
#   make bench      beside psql and pg_dump, and pgcopydb, pg_comparator and reladiff where they are on PATH; writes docs/benchmarks.md; BENCH_ONLY, BENCH_SCALE,
#                   BENCH_ROUNDS, BENCH_MAJOR: see tests/bench/main.rs
#   make scale      how a copy of 10 TB would go, on the empty database that PGMIG_TARGET names: docs/scale.md
#   make schema     write docs/records.schema.json from the record types
#   make checks     write docs/checks.md from the checks of pg-validate
#   make install    binaries, man pages and completions to PREFIX (/usr/local), below DESTDIR where that is given;
#                   the script migrate is called pg-migrate there
#   make dist       what one hands on: a tarball of binaries, man pages, completions and papers in target/dist, with a bill of
#                   materials (CycloneDX) and SHA-256 sums
#   make deny       licences, duplicates, sources and advisories of other people's crates, with cargo-deny, which is got where it is not installed
#   make fuzz       every parser on damaged input, for MINUTES= each (5), with cargo-fuzz and a nightly toolchain; ONLY= chooses
#   make clean      remove what was built

CARGO ?= cargo
# Server majors that the tests want beside those of the machine; what cannot be had is said.
MAJORS ?= 10 13 14 16 17 18

PREFIX ?= /usr/local
DESTDIR ?=
# Of make torture and make fuzz.
MINUTES ?=
SEED ?=
ROUND ?=
FAULT ?=
LARGE ?=
# Where the binaries are that are installed.
BUILT ?= target/release
# Where `make dist` puts what it makes, and for what machine that is.
DIST ?= target/dist
HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
RELEASE := pgmig-$(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)-$(HOST)
BILL ?= $(CARGO) run --quiet --package pg-e2e --bin bill
ONLY ?= $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))
TOOLS := pg-probe pg-validate pg-schema-dump pg-schema-apply pg-copy pg-verify pg-migstate

export CLIPPY_CONF_DIR := $(CURDIR)/.ci
export KEEP ?=

.PHONY: build install dist demo test deps servers lint deny unit e2e torture campaigns bench scale fuzz schema checks clean

build: deps
	$(CARGO) build --release --workspace --bins

install: build
	set -e; to='$(DESTDIR)$(PREFIX)'; \
	bash=$$to/share/bash-completion/completions zsh=$$to/share/zsh/site-functions; \
	fish=$$to/share/fish/vendor_completions.d man=$$to/share/man/man1; \
	install -d "$$to/bin" "$$bash" "$$zsh" "$$fish" "$$man"; \
	install -m 755 migrate "$$to/bin/pg-migrate"; \
	for tool in $(TOOLS); do \
	    install -m 755 "$(BUILT)/$$tool" "$$to/bin/$$tool"; \
	    "$(BUILT)/$$tool" --generate man "$$man"; \
	    "$(BUILT)/$$tool" --generate bash >"$$bash/$$tool"; \
	    "$(BUILT)/$$tool" --generate zsh >"$$zsh/_$$tool"; \
	    "$(BUILT)/$$tool" --generate fish >"$$fish/$$tool.fish"; \
	done

dist: build
	rm -rf '$(DIST)/$(RELEASE)' && mkdir -p '$(DIST)/$(RELEASE)'
	$(MAKE) --old-file=build install PREFIX= DESTDIR='$(abspath $(DIST))/$(RELEASE)' BUILT='$(BUILT)'
	cp -R README.md CHANGELOG.md LICENSE docs '$(DIST)/$(RELEASE)'
	$(CARGO) metadata --locked --format-version 1 --filter-platform $(HOST) | $(BILL) >'$(DIST)/$(RELEASE).cdx.json'
	cp '$(DIST)/$(RELEASE).cdx.json' '$(DIST)/$(RELEASE)/pgmig.cdx.json'
	tar -C '$(DIST)' --sort=name --owner=0 --group=0 --numeric-owner -czf '$(DIST)/$(RELEASE).tar.gz' '$(RELEASE)'
	cd '$(DIST)' && sha256sum '$(RELEASE).tar.gz' '$(RELEASE).cdx.json' >'$(RELEASE).sha256'

demo: build
	tests/demo/run

test: lint unit e2e

deps:
	@tests/servers deps

servers: deps
	@tests/servers ensure
	@tests/servers tools
	@tests/servers install $(MAJORS) || echo "make: going on with: $$(tests/servers list | cut -f1 | tr '\n' ' ')" >&2

lint: deps deny
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --document-private-items --quiet
	@if command -v shellcheck >/dev/null; then \
	    shellcheck migrate .ci/run tests/servers tests/demo/run tests/demo/compare tests/fixtures/tls/servers tests/fixtures/tls/certificates; \
	else echo "make: shellcheck is not installed, scripts are not checked" >&2; fi

# Where the program cannot be had, lint says so and goes on: building it takes minutes. Advisories are in a database of
# their own, which has to be fetched.
deny:
	@deny=$$(tests/servers deny); \
	if [ -n "$$deny" ]; then \
	    "$$deny" --all-features check bans licenses sources && \
	    { "$$deny" --all-features fetch db >/dev/null 2>&1 || \
	        { echo "make: the advisory database cannot be had, advisories are not checked" >&2; exit 0; }; \
	      "$$deny" --all-features check advisories; }; \
	else echo "make: cargo-deny cannot be had, licences and advisories are not checked; try: cargo install --locked cargo-deny" >&2; fi

# An artifact is a failure; it is in fuzz/artifacts. What is new in a corpus stays in fuzz/new. Leaks are not looked for:
# who reads a stream is a thread, which may still be ending when that is done.
fuzz:
	set -e; for target in $(ONLY); do \
	    mkdir -p "fuzz/new/$$target"; \
	    words="fuzz/dictionaries/$$target.dict"; [ -f "$$words" ] || words=; \
	    $(CARGO) +nightly fuzz run "$$target" "fuzz/new/$$target" "fuzz/corpus/$$target" -- $${words:+-dict="$$words"} \
	        -max_total_time=$$(($(or $(MINUTES),5) * 60)) -timeout=10 -rss_limit_mb=2048 -max_len=65536 -detect_leaks=0; \
	done

unit: deps
	$(CARGO) test --workspace --exclude pg-e2e --lib --bins

# Last, so that its summary closes `make test`.
e2e: servers
	$(CARGO) build --workspace --bins
	$(CARGO) test --package pg-session --test differential
	$(CARGO) test --package pg-e2e --lib
	$(CARGO) test --package pg-e2e --test suites

# What takes minutes. Without PGMIG_DATASETS, a directory of NAME.sql.gz, there are no sample databases.
torture: servers build $(if $(MINUTES)$(SEED)$(ROUND)$(FAULT),,campaigns)
	MINUTES='$(MINUTES)' SEED='$(SEED)' ROUND='$(ROUND)' FAULT='$(FAULT)' LARGE='$(LARGE)' $(CARGO) bench --package pg-e2e --bench campaign

campaigns: servers
	@[ -z "$$PGMIG_DATASETS" ] || [ -n "$$(tests/servers regress)" ] || true
	$(CARGO) build --workspace --bins
	$(CARGO) test --package pg-e2e --test suites -- --ignored

# What has no server first, since the report has its figures, too.
bench: servers build
	$(CARGO) bench --package pg-copy --bench split -- --warm-up-time 1 --measurement-time 3
	$(CARGO) bench --package pg-session --bench row -- --warm-up-time 1 --measurement-time 3
	$(CARGO) bench --package pg-e2e --bench whole

scale: deps
	$(CARGO) bench --package pg-copy --bench scale

checks:
	UPDATE_CHECKS=1 $(CARGO) test --package pg-validate the_checked_in

schema:
	UPDATE_SCHEMA=1 $(CARGO) test --package pg-pipe the_checked_in

clean:
	$(CARGO) clean
