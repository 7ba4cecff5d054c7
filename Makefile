# The front door. `make run` starts a development chain; `make test` checks everything. Debian 12 packages that are missing are
# installed (as root or through sudo). See README.md.
PREFIX ?= /usr/local
DESTDIR ?=
BUILD ?= build

.PHONY: build run test check-quick bench install clean deps format

build: deps
	@tools/configure $(BUILD)
	@ninja -C $(BUILD)

run: build
	@exec $(BUILD)/posw dev

test: deps
	@tools/test

# The unit tests alone, for the inner loop.
check-quick: build
	@meson test -C $(BUILD) --suite unit --print-errorlogs

bench: build
	@tools/bench $(BUILD)

install: build
	@tools/configure $(BUILD) --prefix=$(PREFIX)
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --quiet
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || /sbin/ldconfig

deps:
	@tools/deps

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	@rm -rf $(BUILD) build-*
