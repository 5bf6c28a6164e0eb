// Turns at a steady rate. Control core; pure.
#include "admission.h"

#define COST      TICKS_PER_SECOND // of a turn; a tick brings `rate`
#define DEPTH     (TICKS_PER_SECOND / 10)
#define WAIT_MOST (24 * 3600 * TICKS_PER_SECOND)

static void fill(struct admission *a, uint32_t rate, tick_t now)
{
	// A tick's more, so that slow rates keep their fractions.
	int64_t most = ((int64_t)rate * DEPTH > COST ? (int64_t)rate * DEPTH : COST) + rate;

	// All of the time, since any number of turns may be promised; 64 bits hold rate x 2^32.
	a->credit += (int64_t)rate * (tick_t)(now - a->filled);
	a->filled = now;
	if (a->credit > most)
		a->credit = most;
}

bool admission_take(struct admission *a, uint32_t rate, tick_t now)
{
	if (rate == 0)
		return true;
	fill(a, rate, now);
	if (a->credit < COST)
		return false;
	a->credit -= COST;
	return true;
}

void admission_give_back(struct admission *a, uint32_t rate)
{
	if (rate)
		a->credit += COST;
}

tick_t admission_reserve(struct admission *a, uint32_t rate, tick_t now)
{
	int64_t wait;

	if (rate == 0)
		return 0;
	fill(a, rate, now);
	a->credit -= COST;
	if (a->credit >= 0)
		return 0;
	wait = (-a->credit + rate - 1) / rate;
	return wait < WAIT_MOST ? (tick_t)wait : WAIT_MOST;
}
