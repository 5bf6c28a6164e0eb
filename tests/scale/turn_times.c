// A line for each turn and step of LONG_NS and more: "turn NUMBER NS" or "step NUMBER NS"; at the
// end "all TURNS STEPS".
#include "turn_times.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "fake_dp.h"

#define LONG_NS 50000u
#define PIECE   (4u << 20) // what jemalloc does not give back at once, and soon finds
#define PAGE    4096u

// jemalloc's settings are the daemon's, see main.c.
const char *malloc_conf = "dirty_decay_ms:-1,muzzy_decay_ms:-1,narenas:1";

static struct {
	FILE *file;
	uint64_t turns, steps;
	uint64_t turn_began, step_began; // ns
} times;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void note(const char *what, uint64_t number, uint64_t began, uint64_t ended)
{
	if (ended - began >= LONG_NS)
		fprintf(times.file, "%s %lu %lu\n", what, (unsigned long)number,
		        (unsigned long)(ended - began));
}

static void looked(void)
{
	uint64_t now = now_ns();

	note("step", times.steps++, times.step_began, now);
	times.step_began = now_ns(); // writing is no part of the next one
}

// A hypervisor that shadows page tables brings them up to date when a page is taken out: of all
// that were filled since, which is not the control core's.
static void settle_pages(void)
{
	const size_t some = 256 * PAGE; // more than are flushed one by one
	char *pages = mmap(NULL, some, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		return;
	memset(pages, 1, some);
	munmap(pages, some);
}

// The allocator keeps what it once had.
static void fill_heap(size_t heap)
{
	size_t n = heap / PIECE;
	char **pieces = calloc(n + 1, sizeof(*pieces));

	for (size_t i = 0; pieces && i < n; i++) {
		pieces[i] = malloc(PIECE);
		if (pieces[i])
			memset(pieces[i], 1, PIECE);
	}
	for (size_t i = 0; pieces && i < n; i++)
		free(pieces[i]);
	free(pieces);
}

bool turn_times_start(const char *path, struct dp *dp, size_t heap)
{
	volatile char *page = (volatile char *)dp;

	times.file = fopen(path, "w");
	if (!times.file)
		return false;
	fill_heap(heap);
	for (size_t i = 0; i < sizeof(*dp); i += PAGE)
		page[i] = page[i];
	settle_pages();
	return true;
}

bool turn_times_on(void)
{
	return times.file;
}

void turn_began(void)
{
	fake_look = looked;
	times.turn_began = times.step_began = now_ns();
}

void turn_ended(void)
{
	uint64_t now = now_ns();

	note("step", times.steps++, times.step_began, now);
	note("turn", times.turns++, times.turn_began, now);
	fake_look = NULL;
}

bool turn_times_end(void)
{
	fprintf(times.file, "all %lu %lu\n", (unsigned long)times.turns,
	        (unsigned long)times.steps);
	return fclose(times.file) == 0;
}
