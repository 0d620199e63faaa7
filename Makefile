# lite: every target's first line is its help.
.DEFAULT_GOAL := help
SHELL  := /bin/bash
PREFIX ?= /usr/local
LITE   := target/release/lite
# Empty for root, so that nothing needs sudo to be installed.
SUDO   := $(if $(filter 0,$(shell id -u)),,sudo)
# The tests themselves run as root, cargo does not: it would leave files of root's in target/.
TRIPLE  = $(shell rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
RUNNER  = $(if $(SUDO),CARGO_TARGET_$(TRIPLE)_RUNNER='sudo -E')

# Tests that need no virtual machine make hundreds of databases: in memory where there is such a folder.
MEMORY  = $(if $(filter tmpfs,$(shell stat -f -c %T /dev/shm 2>/dev/null)),/dev/shm)

# Many of them wait for a time-out or for a thread: one for each processor leaves a third of their time unused.
THREADS = $(shell echo $$((4 * $$(nproc))))

# Those that download from a vendor need addresses and checksums: `lite blueprints test joomla --set download=… --set sha256=…`.
BLUEPRINTS ?= debian-13 docker ghost lamp nginx nodejs postgres wordpress

.PHONY: help setup build demo quick test test-guests test-storage test-serve pictures test-host test-network test-blueprints soak check bench deb install clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing on this machine (Debian or Ubuntu)
	.ci/setup

build: ## build the release binary
	cargo build --release --locked

demo: ## from nothing to an nginx page served by a real virtual machine
	.ci/setup demo
	$(MAKE) --no-print-directory build
	$(SUDO) $(LITE) doctor --fix
	$(SUDO) $(LITE) image build debian-13
	SECONDS=0; if $(SUDO) $(LITE) show demo >/dev/null 2>&1; then $(SUDO) $(LITE) start demo; \
	  else $(SUDO) $(LITE) create nginx --name demo --bundle nano; fi && took=$$SECONDS && \
	  url=$$($(SUDO) $(LITE) show demo --json | grep -oE '"http://[^"]+"' | head -n1 | tr -d '"') && \
	  page=$$(curl -fsS --max-time 20 "$$url") && echo "$$url answers, $$took s after the command:" && head -n 15 <<<"$$page"
	$(SUDO) $(LITE) list
	@echo "The instance keeps running. To remove it for good: $(SUDO) $(LITE) delete demo --yes --now"
	@echo "So that the next ones go on from memory instead of booting: $(SUDO) $(LITE) image warm nginx --bundle nano"
	@echo "It in a browser, with its metrics, firewall and logs: $(SUDO) $(LITE) serve"

check: ## formatting and lints
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --lib --bins -- -D warnings

quick: check ## formatting, lints and every test that needs no virtual machine
	@mkdir -p target; LITE_TEST_LANE=tools cargo test --locked --test real >target/quick.out 2>target/quick.err & tools=$$!; status=0; \
	  $(if $(MEMORY),TMPDIR=$(MEMORY)) cargo test --locked --no-fail-fast --lib --test it -- --test-threads=$(THREADS) || status=$$?; \
	  wait $$tools || { status=$$?; tail -n 200 target/quick.err; }; cat target/quick.out; exit $$status

test: ## formatting, lints and every test, the ones on real virtual machines included
	.ci/setup test
	cargo fmt --check
	.ci/sweep --clean
	status=0; $(RUNNER) LITE_TEST_REAL=1 LITE_TEST_REQUIRE_HOST=1 LITE_TEST_MEMORY=$(MEMORY) .ci/lanes || status=$$?; \
	  .ci/sweep && exit $$status

test-guests: ## on real Debian guests what the gate has no time for: WordPress baked, every module that can fail
	.ci/setup test
	.ci/setup browser
	.ci/setup bucket
	$(RUNNER) LITE_TEST_REAL=1 LITE_TEST_REQUIRE_HOST=1 LITE_TEST_LANE=slow cargo test --locked --test real
	.ci/sweep

test-storage: ## on real Debian guests what the gate has no time for: snapshots of one that writes all the time, a restore, a copy, a larger disk
	.ci/setup test
	$(RUNNER) LITE_TEST_REAL=1 LITE_TEST_REQUIRE_HOST=1 LITE_TEST_LANE=storage cargo test --locked --test real
	.ci/sweep

test-serve: ## the console's pages in a browser: axe-core, both colour schemes, narrow screens; pictures in target/pictures
	.ci/setup browser
	$(if $(MEMORY),TMPDIR=$(MEMORY)) cargo test --locked --test it -- --ignored web_browser

pictures: ## the README's pictures, of a console that runs: make pictures URL=http://127.0.0.1:8480 CODE=… NAME=nginx-1 (CODE: sudo lite login)
	.ci/setup browser
	mkdir -p target/web docs/pictures
	cp tests/web/package.json tests/web/package-lock.json tests/web/picture.mjs target/web/
	cd target/web && npm ci --no-audit --no-fund --silent && node picture.mjs $(URL) $(CODE) ../../docs/pictures instances=/instances metrics=/instances/$(NAME)/metrics

test-host: ## a Debian 13 host in a virtual machine: package, doctor, create, reboot, power cut, removal, purge (half an hour to an hour)
	.ci/setup host
	$(MAKE) --no-print-directory deb
	$(RUNNER) LITE_TEST_REAL=1 LITE_TEST_REQUIRE_HOST=1 LITE_TEST_LANE=machine cargo test --locked --test real
	.ci/sweep

test-network: ## on network namespaces what the gate has no time for: a certificate that is renewed while it is in use, a browser in WordPress, Docker, ufw and firewalld beside lite
	.ci/setup test
	.ci/setup network
	.ci/setup browser
	$(RUNNER) LITE_TEST_REAL=1 LITE_TEST_REQUIRE_HOST=1 LITE_TEST_LANE=network cargo test --locked --test real
	.ci/sweep

test-blueprints: ## boot every application whose packages are reached, and record it (BLUEPRINTS=, BLUEPRINT_FLAGS=)
	.ci/setup test
	$(MAKE) --no-print-directory build
	$(SUDO) $(LITE) blueprints test $(BLUEPRINTS) --record blueprints/verified.yaml $(BLUEPRINT_FLAGS)

soak: ## the crash and concurrency tests for hours: killed at every point and 2,000 random times, libvirtd at each of ten operations and 50 more times, ten rounds
	.ci/setup test
	for round in {1..10}; do for tests in crash:: storage:: publication_kill:: concurrency:: delete_states:: state_kill::; do \
	  $(RUNNER) LITE_TEST_REAL=1 LITE_TEST_REQUIRE_HOST=1 LITE_TEST_SOAK=1 cargo test --locked --test real -- $$tests || exit 1; done; \
	  cargo test --locked --test it -- deaths:: failing_looks:: || exit 1; done
	.ci/sweep

bench: ## measure against virsh and virt-install (add SLOW=1 for the page)
	.ci/setup bench
	$(MAKE) --no-print-directory build
	$(SUDO) python3 benches/run.py $(if $(SLOW),--slow)
	$(SUDO) python3 benches/serve.py
	$(SUDO) python3 benches/network.py
ifneq ($(SLOW),)
	$(SUDO) python3 benches/storage.py
	$(SUDO) python3 benches/warm.py
	set -o pipefail; $(RUNNER) cargo test --release --locked --test bench -- --ignored --nocapture --test-threads 1 | tee target/watch-bench.txt
	python3 benches/run.py --only watch --watch-output target/watch-bench.txt
endif

deb: build ## build a Debian package, target/debian/lite_*.deb
	rm -rf target/package && mkdir -p target/package
	$(LITE) man target/package/man1
	for shell in bash zsh fish; do $(LITE) completion $$shell >target/package/$$shell || exit 1; done
	cargo-deb --version >/dev/null 2>&1 || [ -x target/tools/bin/cargo-deb ] || cargo install cargo-deb --locked --root target/tools
	PATH="$$PATH:$(CURDIR)/target/tools/bin" cargo-deb --no-build

install: build ## install binary, manual pages and completions below PREFIX
	$(SUDO) install -D -m 755 $(LITE) $(DESTDIR)$(PREFIX)/bin/lite
	$(SUDO) $(LITE) man $(DESTDIR)$(PREFIX)/share/man/man1
	scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && \
	  for shell in bash zsh fish; do $(LITE) completion $$shell >"$$scratch/$$shell" || exit 1; done && \
	  $(SUDO) install -D -m 644 "$$scratch/bash" $(DESTDIR)$(PREFIX)/share/bash-completion/completions/lite && \
	  $(SUDO) install -D -m 644 "$$scratch/zsh" $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_lite && \
	  $(SUDO) install -D -m 644 "$$scratch/fish" $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/lite.fish

clean: ## remove build results (no instance, no image)
	cargo clean
