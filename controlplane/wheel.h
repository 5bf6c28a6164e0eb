// Hierarchical timer wheel: arm and cancel in O(1), `now` is an argument, and no tick does the work
// of many. Control core only.
#ifndef VIGIL_WHEEL_H
#define VIGIL_WHEEL_H

#include "types.h"

// A level for the next 20 seconds: timers of DPD with intervals up to that, as are usual, are never
// moved.
#define WHEEL_BITS   11
#define WHEEL_LEVELS 3
#define WHEEL_SLOTS  (2u << WHEEL_BITS) // of each level: the block of time that runs, and the next

#define WHEEL_FIRES 32u // different functions that a wheel's timers call

struct wheel_timer;
typedef void wheel_fire(void *ctx, struct wheel_timer *timer);

// Lies inside its owner, of whom there may be a million. All zeros = not armed. The owner's type
// follows from the function.
struct wheel_timer {
	struct wheel_timer *next;
	struct wheel_timer **link; // what points to this one; NULL = not armed
	tick_t expires;
	uint16_t slot; // whose list it is in, of all levels; or WHEEL_DUE
	uint8_t fire;  // of wheel.fires
};

#define WHEEL_DUE (WHEEL_LEVELS * WHEEL_SLOTS)

struct wheel {
	struct wheel_timer *slots[WHEEL_LEVELS * WHEEL_SLOTS];
	uint32_t counts[WHEEL_DUE + 1]; // timers in each, and in `due`
	struct wheel_timer *due;        // were late when they were armed
	wheel_fire *fires[WHEEL_FIRES]; // as they came
	tick_t now;                     // every slot before this is empty
	uint32_t armed;
	uint32_t moved; // timers that the last step has brought a level down
	// Of a timer that is to fire after `ahead` others, 1 or 2: may start to load what that will
	// need. Or NULL.
	void (*peek)(void *ctx, const struct wheel_timer *t, unsigned ahead);
};

void wheel_init(struct wheel *w, tick_t now);
// (Re-)arms. An `expires` that is not after the wheel's now fires at the next wheel_run().
void wheel_arm(struct wheel *w, struct wheel_timer *t, tick_t expires, wheel_fire *fire);
void wheel_cancel(struct wheel *w, struct wheel_timer *t);
static inline bool wheel_is_armed(const struct wheel_timer *t)
{
	return t->link != NULL;
}
// What an armed timer calls.
static inline wheel_fire *wheel_fire_of(const struct wheel *w, const struct wheel_timer *t)
{
	return w->fires[t->fire];
}
// Fires at most `budget` timers that expired up to `now`, in order of their tick; a timer is
// disarmed before it fires. Returns how many fired; fewer than the budget means none is left.
unsigned wheel_run(struct wheel *w, tick_t now, unsigned budget, void *ctx);

#endif
