# The front door. `make run` starts a development chain; `make test` checks everything. Debian 12 packages that are missing are
# installed (as root or through sudo). See README.md.
PREFIX ?= /usr/local
DESTDIR ?=
BUILD ?= build

.PHONY: build run test check-quick check-long check-portability coverage bench install clean deps deb format

build: deps
	@tools/configure $(BUILD)
	@ninja -C $(BUILD)

# The programs alone; tests, fuzzers and benchmarks are built when they are asked for.
run: deps
	@tools/configure $(BUILD)
	@ninja -C $(BUILD) posw lab/posw-lab
	@exec $(BUILD)/posw dev

test: deps
	@tools/test

# The unit tests alone, for the inner loop.
check-quick: build
	@meson test -C $(BUILD) --suite unit --print-errorlogs

# Hours: everything that has a long form.
check-long: deps
	@tools/check-long

# The library under other compilers and machines; line and branch coverage of the consensus code.
check-portability coverage: deps
	@tools/$@

bench: build
	@tools/bench $(BUILD)

install: build
	@tools/configure $(BUILD) --prefix=$(PREFIX)
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --quiet
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || /sbin/ldconfig

deps:
	@tools/deps

# Debian packages of the committed tree, into build-deb.
deb:
	@tools/deb

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	@rm -rf $(BUILD) build-*
