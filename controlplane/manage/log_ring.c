// The queue between those who log and the log's writer thread. log_ring_push() runs on the control
// core: it must not lock, allocate or make a system call (the clock is read in user space).
#include "log_ring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int log_ring_init(struct log_ring *r, uint32_t entries)
{
	*r = (struct log_ring){.mask = entries - 1,
	                       .entries = calloc(entries, sizeof(*r->entries))};
	return r->entries ? 0 : -ENOMEM;
}

void log_ring_fini(struct log_ring *r)
{
	free(r->entries);
	r->entries = NULL;
}

bool log_ring_push(struct log_ring *r, enum log_level level, const char *line)
{
	// Own word: nobody else writes it.
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	// Acquire: the writer thread has finished reading the entry that is overwritten.
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
	struct log_entry *e = &r->entries[head & r->mask];

	if (head - tail > r->mask) {
		// A number to be reported, nothing else depends on it.
		atomic_store_explicit(&r->lost,
		                      atomic_load_explicit(&r->lost, memory_order_relaxed) + 1,
		                      memory_order_relaxed);
		return false;
	}
	clock_gettime(CLOCK_REALTIME, &e->when);
	e->level = (uint8_t)level;
	snprintf(e->line, sizeof(e->line), "%s", line);
	// Release: the entry is whole before it is seen.
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return true;
}

const struct log_entry *log_ring_peek(const struct log_ring *r)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	// Acquire: pairs with the release of who logged.
	if (atomic_load_explicit(&r->head, memory_order_acquire) == tail)
		return NULL;
	return &r->entries[tail & r->mask];
}

void log_ring_pop(struct log_ring *r)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	// Release: the entry has been read before it may be overwritten.
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
}
