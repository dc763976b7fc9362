# `make` alone prints the targets. Variables: DOC, ROWS, OPTIONS, RAMPART_PYTHON (see `make help`).
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup data build run reproduce test bench publish mutants lint format docs clean programs chosen

# The example programs are the folders of Examples/ that hold a main program, in the order of the documents 0 to
# 4; a program that the order does not name comes last.
ORDER := mnist-cnn smoothing linear-adversary mnist-mlp sports
FOUND := $(sort $(notdir $(patsubst %/,%,$(dir $(shell grep -lsE '^@main' Examples/*/*.swift; ls Examples/*/main.swift 2>/dev/null || true)))))
PROGRAMS := $(filter $(FOUND),$(ORDER)) $(filter-out $(ORDER),$(FOUND))
CHOSEN := $(if $(DOC),$(filter $(DOC),$(PROGRAMS)),$(PROGRAMS))

# C is optimised in debug builds too: plain debug C is many times slower, and these are the tests' inner loops.
SWIFT_TEST := swift test --disable-xctest -Xcc -O2
FORMATTED := $(wildcard Package.swift Packages Examples Tests Tools Benchmarks)

help:  ## Print this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18
	@echo 'Programs: $(PROGRAMS)'

setup:  ## Install the system packages that are missing (Scripts/packages.txt)
	@bash Scripts/setup.sh

data: setup  ## Fetch, verify and convert the data sets into Data/
	@bash Scripts/fetch-data.sh

build: setup  ## Build everything in release mode
	swift build -c release

run: chosen setup data build  ## Set up, fetch data, build, then run every document's program quickly and name the report
	@OPTIONS='$(OPTIONS)' bash Scripts/run-examples.sh quick $(CHOSEN)

reproduce: chosen setup data build  ## The documents' own epochs; resumes where it stopped. DOC=name for one program
	@OPTIONS='$(OPTIONS)' bash Scripts/run-examples.sh full $(CHOSEN)

# The kernels first, under the two lower instruction sets, and then everything, so that the last line counts all.
test: setup  ## Build and pass all tests, the kernels under every instruction set
	RAMPART_INSTRUCTIONS=baseline $(SWIFT_TEST) --filter '^TensorCoreTests\.'
	RAMPART_INSTRUCTIONS=avx2 $(SWIFT_TEST) --skip-build --filter '^TensorCoreTests\.'
	$(SWIFT_TEST) --skip-build

bench: setup  ## Compare speed with PyTorch, into results/bench.json. ROWS='mlp*' for some rows
	swift build -c release --package-path Benchmarks --scratch-path .build/benchmarks
	@python3 Benchmarks/bench.py --rows '$(or $(ROWS),*)'

publish:  ## Copy full runs' metrics.json and CSV tables to Docs/Results/. DOC=name for one program
	@python3 Scripts/publish.py $(DOC)

mutants: setup  ## Flip operators in kernels and ops; each flip must fail a test
	@python3 Scripts/mutants.py

lint:  ## Check formatting, manifests, layers, the ticks in Docs/Requirements.md and the list of mutants
	@bash Scripts/lint.sh

format:  ## Format all Swift sources in place
	swift format --in-place --parallel --recursive $(FORMATTED)

docs: setup  ## Make the API pages, into .build/docs
	@bash Scripts/build-docs.sh

clean:  ## Remove what was built; data, results and checkpoints stay
	rm -rf .build

# Fails before the work begins when DOC is no program's name.
chosen:
	@test -n '$(CHOSEN)' || { echo 'DOC=$(DOC) is no example program; there are: $(PROGRAMS)' >&2; exit 1; }

# Names only, for scripts.
programs:
	@printf '%s\n' $(PROGRAMS)
