// What the timer wheel costs an operation: `./run bench wheel`. For 1,000 to 1,000,000 timers that
// lie in objects of a peer's size, as DPD uses them: to arm one anew, to cancel and arm it, and to
// let one fire that arms itself again for ten seconds later, with all that is moved meanwhile.
// Nanoseconds, best of interleaved rounds; the longest tick, in timers and microseconds. One
// thread.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "wheel.h"

#define INTERVAL ticks_from_seconds(10)
#define ROUNDS   5u
#define CALLS    1000000u // of one measurement

struct object {
	uint8_t before[160];
	struct wheel_timer timer;
	uint8_t behind[64];
};

struct field {
	uint32_t n;
	struct object *objects;
	struct wheel wheel;
	tick_t now;
	double arm, cancel, fire; // ns
	double longest_us;        // tick
	unsigned longest;         // timers fired in one tick, and moved
};

static uint64_t chance = 0x9e3779b97f4a7c15;

static uint32_t below(uint32_t n)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (uint32_t)((chance >> 32) * n >> 32);
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void fire(void *ctx, struct wheel_timer *t)
{
	struct field *f = ctx;

	wheel_arm(&f->wheel, t, t->expires + INTERVAL, fire);
}

static struct wheel_timer *some_timer(struct field *f)
{
	return &f->objects[below(f->n)].timer;
}

static void keep_least(double *least, double value)
{
	if (*least == 0 || value < *least)
		*least = value;
}

// The cost of choosing a timer and looking at it, which the others have too.
static double choosing(struct field *f)
{
	double begun = now_ns();
	uint32_t sum = 0;

	for (uint32_t i = 0; i < CALLS; i++)
		sum += some_timer(f)->expires;
	__asm__ volatile("" : : "r"(sum));
	return (now_ns() - begun) / CALLS;
}

static void arming(struct field *f)
{
	double choice = choosing(f), begun = now_ns();

	for (uint32_t i = 0; i < CALLS; i++)
		wheel_arm(&f->wheel, some_timer(f), f->now + 1 + below(INTERVAL), fire);
	keep_least(&f->arm, (now_ns() - begun) / CALLS - choice);
	begun = now_ns();
	for (uint32_t i = 0; i < CALLS; i++) {
		struct wheel_timer *t = some_timer(f);

		wheel_cancel(&f->wheel, t);
		wheel_arm(&f->wheel, t, f->now + 1 + below(INTERVAL), fire);
	}
	keep_least(&f->cancel, (now_ns() - begun) / CALLS - choice);
}

static void firing(struct field *f)
{
	uint32_t fired = 0;
	double ns = 0;

	while (fired < CALLS) {
		double begun = now_ns(), took;
		unsigned n = wheel_run(&f->wheel, ++f->now, UINT32_MAX, f);

		took = now_ns() - begun;
		ns += took;
		fired += n;
		if (took / 1000 > f->longest_us)
			f->longest_us = took / 1000;
		if (n + f->wheel.moved > f->longest)
			f->longest = n + f->wheel.moved;
	}
	keep_least(&f->fire, ns / fired);
}

int main(void)
{
	static struct field fields[] = {{.n = 1000}, {.n = 10000}, {.n = 100000}, {.n = 1000000}};
	const unsigned n = sizeof(fields) / sizeof(fields[0]);

	for (unsigned i = 0; i < n; i++) {
		struct field *f = &fields[i];

		f->objects = calloc(f->n, sizeof(*f->objects));
		if (!f->objects) {
			fprintf(stderr, "no memory for %u timers\n", f->n);
			return 1;
		}
		wheel_init(&f->wheel, f->now);
		for (uint32_t k = 0; k < f->n; k++)
			wheel_arm(&f->wheel, &f->objects[k].timer, f->now + 1 + below(INTERVAL),
			          fire);
	}
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < n; i++) {
			arming(&fields[i]);
			firing(&fields[i]);
			if (fields[i].wheel.armed != fields[i].n) {
				fprintf(stderr, "%u timers of %u are left\n", fields[i].wheel.armed,
				        fields[i].n);
				return 1;
			}
		}
	printf("  timers   arm anew   cancel+arm   fire+arm    longest tick\n");
	for (unsigned i = 0; i < n; i++)
		printf("%8u  %6.1f ns    %6.1f ns   %6.1f ns   %6u timers, %.0f us\n", fields[i].n,
		       fields[i].arm, fields[i].cancel, fields[i].fire, fields[i].longest,
		       fields[i].longest_us);
	for (unsigned i = 0; i < n; i++)
		free(fields[i].objects);
	return 0;
}
