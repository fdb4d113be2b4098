"""Fine-tuning adapters and pretraining the small GPT-J: examples, batches, runs, their curves and their cards."""
