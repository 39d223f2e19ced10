"""Writes tests/fixtures/rl_losses.safetensors: losses, advantages and gradients of one batch by torch, in float64.

PPO follows trl 0.23 (trl/trainer/ppo_trainer.py, steps 4 to 6 and the loss; masked_mean and masked_whiten are trl's own),
GRPO trl's loss types "grpo" and "bnpo", DPO its "sigmoid" loss with label smoothing. Answers end with their last token.

    pip install torch safetensors numpy transformers accelerate trl==0.23.0
    python tests/instruct/peers/rl_losses.py
"""
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file
from trl.core import masked_mean, masked_whiten

torch.manual_seed(7)
lengths = torch.tensor([5, 1, 3, 4])
width, answers = int(lengths.max()), len(lengths)
mask = torch.arange(width)[None, :] < lengths[:, None]
out = {"lengths": lengths.numpy().astype(np.int64)}


def draw(scale, around=None):
    x = scale * torch.randn(answers, width, dtype=torch.float64) + (0 if around is None else around)
    return torch.masked_fill(x, ~mask, 0)


def keep(name, x):
    x = x.detach() if torch.is_tensor(x) else torch.tensor(x, dtype=torch.float64)
    out[name] = (x[mask] if x.shape == mask.shape else x.reshape(-1)).double().numpy().copy()


old = draw(1, -2)
new, reference = draw(0.3, old), draw(0.5, old)
values = draw(0.6)
new_values = draw(0.3, values)
scores = torch.randn(answers, dtype=torch.float64)
kl_coefficient, gamma, lam, clip = 0.05, 0.97, 0.9, 0.2
for name, x in dict(old=old, new=new, reference=reference, values=values, new_values=new_values, scores=scores,
                    kl_coefficient=kl_coefficient, gamma=gamma).items():
    keep(name, x)
keep("lambda", lam)

# PPO
rewards = -kl_coefficient * (old - reference)
rewards[torch.arange(answers), lengths - 1] += scores
rewards = torch.masked_fill(masked_whiten(rewards, mask=mask, shift_mean=False), ~mask, 0)
last, reversed_advantages = 0, []
for t in reversed(range(width)):
    next_values = values[:, t + 1] if t < width - 1 else 0.0
    last = rewards[:, t] + gamma * next_values - values[:, t] + gamma * lam * last
    reversed_advantages.append(last)
advantages = torch.stack(reversed_advantages[::-1], axis=1)
returns = advantages + values
advantages = torch.masked_fill(masked_whiten(advantages, mask), ~mask, 0)
now, critic = new.clone().requires_grad_(), new_values.clone().requires_grad_()
difference = now - old
ratio = torch.exp(difference)
plain, clipped = -advantages * ratio, -advantages * torch.clamp(ratio, 1 - clip, 1 + clip)
policy_loss = masked_mean(torch.max(plain, clipped), mask)
near = torch.clamp(critic, values - clip, values + clip)
value_loss = 0.5 * masked_mean(torch.max(torch.square(critic - returns), torch.square(near - returns)), mask)
(policy_loss + 0.1 * value_loss).backward()
for name, x in dict(rewards=rewards, advantages=advantages, returns=returns, policy_loss=policy_loss,
                    value_loss=value_loss, clip_fraction=masked_mean((clipped > plain).double(), mask),
                    approx_kl=0.5 * masked_mean(difference**2, mask), d_new=now.grad, d_values=critic.grad).items():
    keep("ppo." + name, x)

# GRPO, all answers of one group
advantages = (scores - scores.mean()) / (scores.std() + 1e-4)
keep("grpo.advantages", advantages)
for kind in ("grpo", "bnpo"):
    now = new.clone().requires_grad_()
    ratio = torch.exp(now - old)
    loss = -torch.min(ratio * advantages[:, None], torch.clamp(ratio, 1 - clip, 1 + clip) * advantages[:, None])
    loss = loss + 0.04 * (torch.exp(reference - now) - (reference - now) - 1)
    if kind == "grpo":
        loss = ((loss * mask).sum(-1) / mask.sum(-1).clamp(min=1.0)).mean()
    else:
        loss = (loss * mask).sum() / mask.sum().clamp(min=1.0)
    loss.backward()
    keep(kind + ".loss", loss)
    keep(kind + ".d_new", now.grad)

# DPO: answers 0 and 2 chosen over 1 and 3
now = new.clone().requires_grad_()
ratios = ((now - reference) * mask).sum(-1)
logits = 0.1 * (ratios[0::2] - ratios[1::2])
loss = (-F.logsigmoid(logits) * (1 - 0.05) - F.logsigmoid(-logits) * 0.05).mean()
loss.backward()
keep("dpo.loss", loss)
keep("dpo.d_new", now.grad)

save_file(out, pathlib.Path(__file__).parents[2] / "fixtures" / "rl_losses.safetensors")
