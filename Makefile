# ngx_chat_module.  "make help" says what can be made; everything that is made
# goes to build/.  The work is done by the scripts in t/tool.

SHELL     := /bin/sh
TOOL      := t/tool
MODULE    := build/module/ngx_chat_module.so
TEST_SO   := build/test/ngx_chat_module.so
SOURCES   := config $(wildcard ngx_chat_module/*.c ngx_chat_module/*.h)
BUILDERS  := $(wildcard $(TOOL)/build* $(TOOL)/*.sh)

PORT      ?= 8080
LISTEN    ?= 127.0.0.1
PROVE     ?= prove
# they wait most of the time, some of them for very long: those first
PROVE_FLAGS ?= -j4
LONG_T    := $(wildcard t/340-*.t t/510-*.t t/414-*.t t/412-*.t t/190-*.t t/180-*.t)
T         ?= $(LONG_T) $(filter-out $(LONG_T),$(sort $(wildcard t/*.t)))

# in the order in which "make test" and CI run them
STAGES    := build lint unit t asan clients chaos redis browser

.DEFAULT_GOAL := help
.PHONY: help deps module run install deb bench clean distclean test \
        $(STAGES:%=test-%) test-state test-valgrind test-matrix test-deb \
        test-deploy test-redis-asan test-redis-servers testnginx \
        tests-module
.DELETE_ON_ERROR:


help:
	@echo 'make run        build, start nginx with the chat page on'
	@echo '                http://$(LISTEN):$(PORT)/ (or the next free port),'
	@echo '                until Ctrl-C; PORT= and LISTEN= change the address'
	@echo 'make module     build $(MODULE)'
	@echo '                for the nginx of this Debian'
	@echo 'make install    copy the module into that nginx; DESTDIR= and'
	@echo '                MODULESDIR= change the place'
	@echo 'make deb        build the package libnginx-mod-http-chat for this'
	@echo '                Debian in build/deb/; SUITE=trixie for another one,'
	@echo '                in a debootstrap of it'
	@echo 'make test       everything that CI runs'
	@for s in $(STAGES); do echo "test-$$s"; done | paste -sd' ' - \
	    | fold -s -w 56 | sed '1s/^/   in stages:   /; 2,$$s/^/                /'
	@echo '                T=t/100-ws-room.t for one file of test-t and test-asan'
	@echo 'make test-matrix    other releases of nginx, gcc and clang;'
	@echo 'make test-valgrind  test-t under valgrind;'
	@echo 'make test-deb       the package in SUITES="bookworm trixie";'
	@echo 'make test-deploy    docs/deploy without Docker: these four are'
	@echo '                not in "make test"'
	@echo 'make bench      measure against nchan and a bare epoll loop, to'
	@echo '                bench/results/latest/; BENCH="..." for options,'
	@echo '                which bench/run --help lists'
	@echo 'make deps       install the Debian packages that building needs'
	@echo '                (the other targets do so, too, when one is missing)'
	@echo 'make clean      remove what was built'
	@echo 'make distclean  remove build/, with what was downloaded'


deps:
	@$(TOOL)/deps build

module: deps
	@$(MAKE) --no-print-directory $(MODULE)

$(MODULE): $(SOURCES) $(BUILDERS)
	@echo 'building $@'
	@$(TOOL)/build-module module
	@touch $@

# the same with places where a test can have a worker killed
$(TEST_SO): $(SOURCES) $(BUILDERS)
	@echo 'building $@'
	@$(TOOL)/build-module test -DNGX_CHAT_TEST_POINTS=1
	@touch $@

run: module
	@exec env PORT=$(PORT) LISTEN=$(LISTEN) perl $(TOOL)/run

# as configured for the nginx that is there; a package sets DESTDIR
MODULESDIR ?= $(shell nginx -V 2>&1 | tr ' ' '\n' \
                | sed -n "s/^'*--modules-path=\([^']*\).*/\1/p")

install: module
	@test -n '$(MODULESDIR)' \
	    || { echo 'no nginx found: set MODULESDIR=' >&2; exit 1; }
	install -d '$(DESTDIR)$(MODULESDIR)'
	install -m 644 $(MODULE) \
	    '$(DESTDIR)$(MODULESDIR)/.ngx_chat_module.so.new'
	mv -f '$(DESTDIR)$(MODULESDIR)/.ngx_chat_module.so.new' \
	    '$(DESTDIR)$(MODULESDIR)/ngx_chat_module.so'
	@echo
	@echo 'At the top of nginx.conf, then restart nginx:'
	@echo '    load_module $(MODULESDIR)/ngx_chat_module.so;'

SUITE     ?=
SUITES    ?= bookworm trixie

deb:
	@$(TOOL)/deb $(SUITE)

bench: module
	@bench/run $(BENCH)

clean:
	@$(TOOL)/clean

distclean:
	@$(TOOL)/clean all


# tests

test:
	@$(TOOL)/stages $(STAGES)

testnginx:
	@$(TOOL)/deps perl
	@$(TOOL)/get-testnginx

tests-module: testnginx
	@$(MAKE) --no-print-directory module $(TEST_SO)

test-lint: testnginx
	@$(TOOL)/deps lint
	@$(TOOL)/lint

test-build: module
	@$(MAKE) --no-print-directory $(TEST_SO)
	@$(TOOL)/check "$$(PATH=$$PATH:/usr/sbin command -v nginx)" \
	    $(CURDIR)/$(MODULE)

test-unit:
	@$(TOOL)/deps build source
	@$(TOOL)/build-nginx static-1.22.1
	@$(MAKE) --no-print-directory -j"$$(nproc)" -C t/unit check \
	    NGX_SRC=$(CURDIR)/build/static-1.22.1 OUT=$(CURDIR)/build/unit

test-t: tests-module
	@$(TOOL)/prove debian $(PROVE) $(PROVE_FLAGS) $(T)

test-asan: testnginx
	@$(TOOL)/deps source
	@$(TOOL)/build-nginx asan
	@$(TOOL)/prove asan $(PROVE) $(PROVE_FLAGS) $(T) t/detectors/detectors.t

# the blocks that run the parsers and the store most, in one process
VALGRIND_T ?= $(wildcard t/000*.t t/1*0-*.t t/2*0-*.t t/3*0-*.t)

test-valgrind: testnginx
	@$(TOOL)/deps source valgrind
	@$(TOOL)/build-nginx static-1.22.1
	@$(TOOL)/prove valgrind $(PROVE) $(PROVE_FLAGS) $(VALGRIND_T) \
	    t/detectors/detectors.t

# compile and load everywhere, then a part of the tests on the newer releases
# sid's nginx runs here by sid's loader, which it doesn't know of when it
# executes itself for an upgrade: so not t/290 with it
MATRIX_T ?= $(wildcard t/0*.t t/1*.t t/2*.t)

test-matrix: testnginx
	@$(TOOL)/deps source
	@set -e; for k in static-1.22.1 static-1.26.3; do \
	    echo "building $$k"; \
	    $(TOOL)/build-nginx $$k; \
	    $(TOOL)/check $(CURDIR)/build/$$k/objs/nginx; \
	done
	@set -e; for k in dynamic-1.22.1 dynamic-1.26.3; do \
	    echo "building $$k"; \
	    $(TOOL)/build-nginx $$k; \
	    $(TOOL)/check $(CURDIR)/build/$$k/objs/nginx \
	        $(CURDIR)/build/$$k/objs/ngx_chat_module.so; \
	done
	@echo 'building dynamic with sid'
	@$(TOOL)/build-sid
	@$(TOOL)/check $(CURDIR)/build/sid/nginx \
	    $(CURDIR)/build/sid/module/ngx_chat_module.so
	@$(TOOL)/prove static-1.26.3 $(PROVE) $(PROVE_FLAGS) $(MATRIX_T)
	@$(TOOL)/prove sid $(PROVE) $(PROVE_FLAGS) \
	    $(filter-out t/290-upgrade.t,$(MATRIX_T))

# the package, as somebody has it who installs it in a fresh system
test-deb:
	@set -e; for s in $(SUITES); do \
	    $(TOOL)/deb $$s; \
	    t/deb/run $$s; \
	done

test-deploy:
	@t/deploy/run

# "run" in a folder gets CHAT_URL, CHAT_PID, CHAT_RELOAD of an nginx as "make
# run" has it, or starts its own with NGINX and CHAT_MODULE.

PARTS = env BUILD=$(CURDIR)/build CHAT_MODULE=$(CURDIR)/$(MODULE) \
        NGINX="$$(PATH=$$PATH:/usr/sbin command -v nginx)"

test-clients: module
	@$(TOOL)/deps clients
	@$(TOOL)/get-prometheus
	@$(TOOL)/npm clients
	@$(PARTS) t/clients/run

test-browser: module
	@$(TOOL)/deps browser
	@$(TOOL)/npm browser
	@cd t/browser && CHAT_SHOTS=$(CURDIR)/build/shots ../tool/with-nginx \
	    node --test *.test.mjs

test-chaos: module
	@$(TOOL)/deps chaos
	@$(PARTS) t/chaos/run
	@$(PARTS) t/chaos/state

# longer, with STATE="--seed N" the choices of another one
test-state: module
	@$(TOOL)/deps chaos
	@$(PARTS) t/chaos/state --seconds 90 --people 10 --reloads 20 --kills 50 \
	    $(STATE)

# R: names of cases; none: all

test-redis: module
	@$(TOOL)/deps redis
	@$(PARTS) t/redis/run $(R)

# not a part of "make test"

test-redis-asan:
	@$(TOOL)/deps redis
	@$(TOOL)/deps source
	@$(TOOL)/build-nginx asan
	@$(PARTS) NGINX=$(CURDIR)/build/asan/objs/nginx CHAT_MODULE= \
	    t/redis/run $(R)

test-redis-servers: module
	@$(TOOL)/deps redis
	@set -e; for s in $$($(TOOL)/get-redis-servers); do \
	    echo "redis: $$s"; \
	    $(PARTS) REDIS_SERVER=$(CURDIR)/build/servers/$$s/server \
	        t/redis/run $(R); \
	done
