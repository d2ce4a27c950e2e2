"""The loss `L = L_task + Σ λ·L_sup`: the task's cross-entropy and the supervised terms added to it."""
