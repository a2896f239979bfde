"""How the model learns. Read: schedule, loss, training, checkpoints, run_folder."""
