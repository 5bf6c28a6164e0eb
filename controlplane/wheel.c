// Hierarchical timer wheel after Varghese and Lauck: 4 levels of 256 slots cover 2^32 ticks.
// Control core only. A timer costs O(1) to arm and cancel and is moved down at most three times in
// its life.
#include "wheel.h"

#include <string.h>

static void timer_link(struct wheel_timer **head, struct wheel_timer *t)
{
	t->next = *head;
	if (t->next)
		t->next->link = &t->next;
	t->link = head;
	*head = t;
}

static void timer_unlink(struct wheel_timer *t)
{
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	t->next = NULL;
	t->link = NULL;
}

// The slot for a tick that is after w->now: the lowest level whose digits above it agree.
static struct wheel_timer **wheel_slot(struct wheel *w, tick_t expires)
{
	uint32_t differs = expires ^ w->now;
	unsigned level = 0;

	while (level < WHEEL_LEVELS - 1 && differs >> (WHEEL_BITS * (level + 1)))
		level++;
	return &w->slots[level][expires >> (WHEEL_BITS * level) & (WHEEL_SLOTS - 1)];
}

static void wheel_insert(struct wheel *w, struct wheel_timer *t)
{
	timer_link(tick_diff(t->expires, w->now) <= 0 ? &w->due : wheel_slot(w, t->expires), t);
}

void wheel_init(struct wheel *w, tick_t now)
{
	memset(w, 0, sizeof(*w));
	w->now = now;
}

void wheel_arm(struct wheel *w, struct wheel_timer *t, tick_t expires,
               void (*fire)(void *ctx, struct wheel_timer *timer))
{
	wheel_cancel(w, t);
	t->expires = expires;
	t->fire = fire;
	wheel_insert(w, t);
	w->armed++;
}

void wheel_cancel(struct wheel *w, struct wheel_timer *t)
{
	if (!wheel_is_armed(t))
		return;
	timer_unlink(t);
	w->armed--;
}

// One tick on: where a digit wraps, the next slot of the level above is dealt out again.
static void wheel_step(struct wheel *w)
{
	struct wheel_timer *list, *t;

	w->now++;
	for (unsigned level = WHEEL_LEVELS - 1; level > 0; level--) {
		if (w->now & ((1u << (WHEEL_BITS * level)) - 1))
			continue;
		list = w->slots[level][w->now >> (WHEEL_BITS * level) & (WHEEL_SLOTS - 1)];
		w->slots[level][w->now >> (WHEEL_BITS * level) & (WHEEL_SLOTS - 1)] = NULL;
		while ((t = list)) {
			list = t->next;
			wheel_insert(w, t);
		}
	}
	list = w->slots[0][w->now & (WHEEL_SLOTS - 1)];
	w->slots[0][w->now & (WHEEL_SLOTS - 1)] = NULL;
	while ((t = list)) {
		list = t->next;
		timer_link(&w->due, t);
	}
}

unsigned wheel_run(struct wheel *w, tick_t now, unsigned budget, void *ctx)
{
	struct wheel_timer *t;
	unsigned fired = 0;

	while (fired < budget) {
		t = w->due;
		if (!t) {
			if (tick_diff(now, w->now) <= 0)
				break;
			wheel_step(w);
			continue;
		}
		timer_unlink(t);
		w->armed--;
		fired++;
		t->fire(ctx, t);
	}
	return fired;
}
