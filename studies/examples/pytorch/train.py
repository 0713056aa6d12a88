#!/usr/bin/env python3
"""Trains a small convolutional network on the handwritten digits.

Started by Hone, it takes its parameters from the study, reports each epoch, and goes on from its checkpoint. Started by
hand, it uses DEFAULTS and prints.
"""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import hone
from hone.integrations import pytorch

DEFAULTS = {"channels": 8, "dropout": 0.2, "batch_size": 64, "optimizer": "adamw", "learning_rate": 3e-3}
EPOCHS = 20
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def load():
    """The digits as images of 1×8×8, split in the same way in every trial."""
    images, labels = load_digits(return_X_y=True)
    images = torch.tensor(images / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)
    parts = train_test_split(images, torch.tensor(labels), test_size=0.25, random_state=0, stratify=labels)
    train_images, val_images, train_labels, val_labels = parts
    return TensorDataset(train_images, train_labels), (val_images.to(DEVICE), val_labels.to(DEVICE))


def build(params):
    """The network that the parameters describe."""
    channels = params["channels"]
    return nn.Sequential(
        nn.Conv2d(1, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(channels, 2 * channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(params["dropout"]), nn.Linear(8 * channels, 10),
    ).to(DEVICE)  # fmt: skip


def build_optimizer(params, model):
    """Each kind has parameters of its own; where the study leaves one out, PyTorch's default holds."""
    if params["optimizer"] == "sgd":
        return torch.optim.SGD(model.parameters(), params["learning_rate"], momentum=params.get("momentum", 0))
    return torch.optim.AdamW(model.parameters(), params["learning_rate"], weight_decay=params.get("weight_decay", 1e-2))


def train_epoch(model, optimizer, batches):
    """One pass over the training part."""
    model.train()
    for images, labels in batches:
        optimizer.zero_grad()
        functional.cross_entropy(model(images.to(DEVICE)), labels.to(DEVICE)).backward()
        optimizer.step()


@torch.no_grad()
def evaluate(model, images, labels):
    """Mean loss and accuracy."""
    model.eval()
    scores = model(images)
    return functional.cross_entropy(scores, labels), (scores.argmax(1) == labels).float().mean()


def main():
    """One trial."""
    trial = hone.trial(DEFAULTS, handle_preemption=True)
    torch.manual_seed(trial.seed)
    training, validation = load()
    batches = DataLoader(training, trial.params["batch_size"], shuffle=True)
    model = build(trial.params)
    parts = {"model": model, "optimizer": build_optimizer(trial.params, model)}

    for epoch in range(pytorch.restore(trial, **parts) + 1, EPOCHS + 1):
        train_epoch(model, parts["optimizer"], batches)
        loss, accuracy = evaluate(model, *validation)
        trial.report(epoch, val_loss=loss, val_accuracy=accuracy)
        if trial.pruned:
            return
        # After the report: what a checkpoint contains has been reported. None of the last epoch, so that a trial that
        # goes on has something left to report.
        if epoch < EPOCHS:
            pytorch.save(trial, epoch, **parts)
        if trial.preempted:
            return
    torch.save(model.state_dict(), trial.output_dir / "model.pt")


if __name__ == "__main__":
    main()
