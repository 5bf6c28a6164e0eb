// Log lines on their way from the thread that logs to the writer thread: one producer, one
// consumer, bounded; what does not fit is counted.
#ifndef VIGIL_MANAGE_LOG_RING_H
#define VIGIL_MANAGE_LOG_RING_H

#include <stdatomic.h>
#include <time.h>

#include "log.h"
#include "types.h"

struct log_entry {
	struct timespec when; // of the day
	uint8_t level;        // enum log_level
	char line[LOG_LINE_MAX];
};

struct log_ring {
	// The indices only grow; the entry of index i is i & mask.
	_Atomic uint32_t head; // writer: who logs
	_Atomic uint32_t tail; // writer: the writer thread
	_Atomic uint64_t lost; // writer: who logs
	uint32_t mask;
	struct log_entry *entries;
};

// `entries` is a power of two. 0 or -ENOMEM.
int log_ring_init(struct log_ring *r, uint32_t entries);
void log_ring_fini(struct log_ring *r);
// False: full, and counted as lost.
bool log_ring_push(struct log_ring *r, enum log_level level, const char *line);
// The oldest entry, or NULL; it stays until log_ring_pop().
const struct log_entry *log_ring_peek(const struct log_ring *r);
void log_ring_pop(struct log_ring *r);

#endif
