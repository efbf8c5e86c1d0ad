# Thin aliases of the commands under tools/, and `install`.
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := $(shell sed -n 's/.*static let current = "\(.*\)".*/\1/p' Sources/Telemetry/Version.swift)
RELEASE := .build/release
KIT := $(DESTDIR)$(PREFIX)/share/octavo/plugin-kit
plugins := $(notdir $(patsubst %/,%,$(wildcard plugins/*/)))

.PHONY: build run test bench docs install
build:
	tools/build release
run:
	tools/run
test:
	tools/test
bench:
	tools/bench/run
docs:
	tools/component-docs
install:
	tools/setup build
	tools/build release
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/octavo/plugins $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include/octavo
	install -m 755 -s $(RELEASE)/octavo $(DESTDIR)$(PREFIX)/bin/octavo
	install -m 755 -s $(RELEASE)/octavo-plugin-host $(DESTDIR)$(PREFIX)/lib/octavo/octavo-plugin-host
	for p in $(plugins); do install -m 644 -s $(RELEASE)/liboctavo-plugin-$$p.so $(DESTDIR)$(PREFIX)/lib/octavo/plugins/$$p.so || exit 1; done
	install -m 644 sdk-c/include/octavo/*.h $(DESTDIR)$(PREFIX)/include/octavo/
	rm -rf $(KIT) && install -d $(KIT) && cp -RL sdk-c/plugin-kit/Package.swift sdk-c/plugin-kit/plugin.map sdk-c/plugin-kit/Sources $(KIT)/
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' sdk-c/pkg-config/octavo.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/octavo.pc
