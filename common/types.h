// Plain values that every layer shares. No threads, no globals, no system calls.
#ifndef VIGIL_COMMON_TYPES_H
#define VIGIL_COMMON_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What a member of this name lies in.
#ifndef container_of // DPDK has one too
#define container_of(at, type, member) ((type *)(void *)((char *)(at)-offsetof(type, member)))
#endif

// Time: one tick is 10 ms, 32 bits, wraps after 497 days. Compare only with tick_diff(); what is
// never ahead of now, and may be older than that tells, by its age, an unsigned difference.
typedef uint32_t tick_t;

#define TICKS_PER_SECOND 100u
#define TICK_MS          (1000u / TICKS_PER_SECOND)

static inline tick_t ticks_from_seconds(uint32_t s)
{
	return s * TICKS_PER_SECOND;
}

static inline tick_t ticks_from_ms(uint32_t ms)
{
	return (ms + TICK_MS - 1) / TICK_MS;
}

// Signed distance a - b in ticks; right while the two are less than 248 days apart.
static inline int32_t tick_diff(tick_t a, tick_t b)
{
	return (int32_t)(a - b);
}

static inline bool tick_before(tick_t a, tick_t b)
{
	return tick_diff(a, b) < 0;
}

// The later of the two.
static inline tick_t tick_max(tick_t a, tick_t b)
{
	return tick_before(a, b) ? b : a;
}

// The earlier of the two.
static inline tick_t tick_min(tick_t a, tick_t b)
{
	return tick_before(a, b) ? a : b;
}

// Names a slot of a table and which use of the slot is meant. Only handles cross threads: a stale
// one is recognised by its generation. Generation 0 is never in use, so {0, 0} names nothing.
struct handle {
	uint32_t index;
	uint32_t generation;
};

static inline bool handle_is_null(struct handle h)
{
	return h.generation == 0;
}

static inline bool handle_equal(struct handle a, struct handle b)
{
	return a.index == b.index && a.generation == b.generation;
}

// An IPv4 or IPv6 address; family 0 means none. Bytes are in network order, unused ones are zero.
struct ip_addr {
	uint8_t family; // 0, 4 or 6
	uint8_t bytes[16];
};

struct ip_prefix {
	struct ip_addr addr; // host bits are zero
	uint8_t len;         // 0-32 or 0-128
};

// What an SA or a policy line protects, seen from this gateway (RFC 4301, 4.4.1). Both prefixes
// have one family. proto 0 = any; port 0 = any; ports in host order.
struct selector {
	struct ip_prefix local;
	struct ip_prefix remote;
	uint8_t proto;
	uint16_t local_port;
	uint16_t remote_port;
};

#endif
