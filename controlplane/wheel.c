// Hierarchical timer wheel after Varghese and Lauck: 3 levels of 2048 slots cover 2^32 ticks, of
// which one half is ahead (tick_before() and others tell them apart). Control core only. A timer
// costs O(1) to arm and cancel and is moved down at most twice in its life.
//
// The classic wheel deals a slot of a level out when its time begins, all of it in one tick: with a
// million timers of an hour a good part of them every 20 s. Here each level has room for the
// next block of time beside the one that runs, and a slot is dealt out bit by bit while the time
// before it passes.
#include "wheel.h"

#include <stdlib.h>
#include <string.h>

static void timer_link(struct wheel *w, struct wheel_timer *t, unsigned slot)
{
	struct wheel_timer **head = slot == WHEEL_DUE ? &w->due : &w->slots[slot];

	t->next = *head;
	if (t->next)
		t->next->link = &t->next;
	t->link = head;
	*head = t;
	t->slot = (uint16_t)slot;
	w->counts[slot]++;
}

static void timer_unlink(struct wheel *w, struct wheel_timer *t)
{
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	t->next = NULL;
	t->link = NULL;
	w->counts[t->slot]--;
}

// The slot of a level in which a tick lies. The uppermost level has all of time in one block.
static unsigned slot_of(unsigned level, tick_t tick)
{
	uint32_t at = tick >> (WHEEL_BITS * level);

	if (level == WHEEL_LEVELS - 1)
		at &= WHEEL_SLOTS / 2 - 1;
	return level * WHEEL_SLOTS + (at & (WHEEL_SLOTS - 1));
}

// Is a tick that is not over in the block of a level that runs, or in the next?
static bool is_near(const struct wheel *w, unsigned level, tick_t tick)
{
	unsigned shift = WHEEL_BITS * (level + 1);

	return (((tick >> shift) - (w->now >> shift)) & (UINT32_MAX >> shift)) <= 1;
}

static void wheel_insert(struct wheel *w, struct wheel_timer *t)
{
	unsigned level = 0;

	if (tick_diff(t->expires, w->now) <= 0) {
		timer_link(w, t, WHEEL_DUE);
		return;
	}
	while (level < WHEEL_LEVELS - 1 && !is_near(w, level, t->expires))
		level++;
	timer_link(w, t, slot_of(level, t->expires));
}

void wheel_init(struct wheel *w, tick_t now)
{
	memset(w, 0, sizeof(*w));
	w->now = now;
}

// The program has about twenty functions; more than there is room for is a mistake in it.
static uint8_t fire_number(struct wheel *w, wheel_fire *fire)
{
	unsigned i = 0;

	while (w->fires[i] && w->fires[i] != fire)
		if (++i == WHEEL_FIRES)
			abort();
	w->fires[i] = fire;
	return (uint8_t)i;
}

void wheel_arm(struct wheel *w, struct wheel_timer *t, tick_t expires, wheel_fire *fire)
{
	wheel_cancel(w, t);
	t->expires = expires;
	t->fire = fire_number(w, fire);
	wheel_insert(w, t);
	w->armed++;
}

void wheel_cancel(struct wheel *w, struct wheel_timer *t)
{
	if (!wheel_is_armed(t))
		return;
	timer_unlink(w, t);
	w->armed--;
}

// Brings n timers of a slot down.
static void deal_out(struct wheel *w, unsigned slot, uint32_t n)
{
	w->moved += n;
	while (n--) {
		struct wheel_timer *t = w->slots[slot];

		timer_unlink(w, t);
		wheel_insert(w, t);
	}
}

// The next slot of a level: as much of it as leaves the rest of its time an equal share.
static void prepare(struct wheel *w, unsigned level)
{
	uint32_t span = 1u << (WHEEL_BITS * level), left = span - (w->now & (span - 1));
	unsigned slot = slot_of(level, w->now + span);

	deal_out(w, slot, (w->counts[slot] + left - 1) / left);
}

// One tick on. What was due has fired.
static void wheel_step(struct wheel *w)
{
	w->now++;
	w->moved = 0;
	// What came into a slot in the last tick before its time.
	for (unsigned level = WHEEL_LEVELS - 1; level > 0; level--)
		if (!(w->now & ((1u << (WHEEL_BITS * level)) - 1)))
			deal_out(w, slot_of(level, w->now), w->counts[slot_of(level, w->now)]);
	for (unsigned level = WHEEL_LEVELS - 1; level > 0; level--)
		prepare(w, level);
}

// Starts to load a timer, and its owner around it: where there are many, none is in the caches.
static inline void fetch(const struct wheel_timer *t)
{
	const char *at = (const char *)t;

	__builtin_prefetch(at - 128);
	__builtin_prefetch(at - 64);
	__builtin_prefetch(at);
}

// The next ones in the list: the farther away, the less of them is there to be looked at.
static void look_ahead(const struct wheel *w, const struct wheel_timer *t, void *ctx)
{
	const struct wheel_timer *next = t->next;

	if (!next)
		return;
	if (w->peek)
		w->peek(ctx, next, 1);
	next = next->next;
	if (!next)
		return;
	if (w->peek)
		w->peek(ctx, next, 2);
	if (next->next)
		fetch(next->next);
}

unsigned wheel_run(struct wheel *w, tick_t now, unsigned budget, void *ctx)
{
	struct wheel_timer *t;
	unsigned fired = 0;

	while (fired < budget) {
		t = w->due ? w->due : w->slots[slot_of(0, w->now)];
		if (!t) {
			if (tick_diff(now, w->now) <= 0)
				break;
			wheel_step(w);
			continue;
		}
		look_ahead(w, t, ctx);
		timer_unlink(w, t);
		w->armed--;
		fired++;
		w->fires[t->fire](ctx, t);
	}
	return fired;
}
