// Flows: what policy leads packets to. A flow has one owner from birth, the worker that encrypts
// for it; packets without an SA are held there, in bounded numbers, and raise one ACQUIRE until
// control answers, or each half a minute: an answer that there was no memory for never comes. Slots
// keep their owner over all uses, so that messages to it never cross.
#ifndef VIGIL_DATAPLANE_TUNNEL_H
#define VIGIL_DATAPLANE_TUNNEL_H

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "activity.h"
#include "chunks.h"
#include "worker.h"

#define TUNNEL_HOLD_FLOW   8u   // packets held for one flow
#define TUNNEL_HOLD_WORKER 512u // and by one worker; in all: times the workers
#define TUNNEL_HOLD_TICKS  (15 * TICKS_PER_SECOND)
#define TUNNEL_ASK_AGAIN   (30 * TICKS_PER_SECOND)
#define TUNNEL_HOLD_NONE   UINT16_MAX

// Control writes, all workers read (relaxed: each word stands for itself, and the tunnel behind it
// is found out of date by its own generation).
struct tunnel_words {
	uint32_t generation; // 0 = free
	uint32_t doubt_ack;
};

// Its owner's, but for what is read by control: generation, last_out.
struct tunnel {
	// 0 = not in use; release: what is read with it belongs to this use. A line for each flow:
	// neighbours have other owners, and no flow lies on two.
	alignas(64) uint32_t generation;
	uint32_t peer; // index or DP_NO_PEER
	struct handle out_sa;
	struct sa *sa;       // out_sa's, or NULL
	struct handle pair;  // inbound SA whose activity answers for out_sa
	uint32_t last_out;   // but for its SA's; see activity.h
	uint32_t doubt_seq;  // doubts raised; equal to doubt_ack = may raise
	tick_t since;        // out_sa was made
	bool acquiring;      // ACQUIRE is raised and not answered
	uint8_t held;        // packets
	uint16_t head, tail; // of held packets: index in tunnel_hold
	tick_t asked;        // the newest ACQUIRE was raised
};

_Static_assert(sizeof(struct tunnel) == 64, "one cache line");

struct tunnel_table {
	uint32_t max;
	unsigned owners;
	struct chunks tunnels;      // struct tunnel
	struct tunnel_words *words; // [max]
};

// A packet that waits for its flow's SA.
struct tunnel_hold {
	struct rte_mbuf *m; // NULL = free
	uint32_t tunnel;    // index
	tick_t since;
	uint16_t next;
};

// Holds in a row; TUNNEL_HOLD_NONE = there is none.
struct tunnel_list {
	uint16_t first, last;
};

// A worker's part.
struct tunnel_worker {
	struct tunnel_hold holds[TUNNEL_HOLD_WORKER];
	uint16_t free, held;         // free: head of the list of free holds
	struct tunnel_list released; // packets that may go
	struct tunnel_list early;    // ... that may be tried again, see tunnel_early()
	bool acquire_late;           // an ACQUIRE found no room
	tick_t swept;                // when holds were last looked through
};

static inline unsigned tunnel_owner(const struct tunnel_table *t, uint32_t index)
{
	// Nearly always a power of two, which saves a division.
	return likely((t->owners & (t->owners - 1)) == 0) ? index & (t->owners - 1)
	                                                  : index % t->owners;
}

// [any] Is the handle that of the slot's current use?
static inline bool tunnel_is_current(const struct tunnel_table *t, struct handle h)
{
	return !handle_is_null(h) && h.index < t->max &&
	       activity_load(&t->words[h.index].generation) == h.generation;
}

int tunnel_table_init(struct tunnel_table *t, uint32_t max, unsigned owners);
void tunnel_table_fini(struct tunnel_table *t);

// ---- [W] -------------------------------------------------------------------------------------

void tunnel_worker_init(struct tunnel_worker *tw);
// Frees what is held.
void tunnel_worker_fini(struct tunnel_worker *tw);

// Starts to load what esp_out reads of a flow first.
static inline void tunnel_prefetch(const struct tunnel_table *t, struct handle h)
{
	rte_prefetch0(chunks_at(&t->tunnels, h.index));
	rte_prefetch0(&t->words[h.index]);
}

// A flow of this worker's, or NULL: another's, stale, or not here yet.
static inline struct tunnel *tunnel_own(const struct worker *w, struct handle h)
{
	const struct tunnel_table *table = w->dp->tunnels;
	struct tunnel *t;

	if (tunnel_owner(table, h.index) != w->index || !tunnel_is_current(table, h))
		return NULL;
	t = chunks_at(&table->tunnels, h.index);
	return t && t->generation == h.generation ? t : NULL;
}

// Holds the packet and asks for an SA, once. Takes it.
void tunnel_hold(struct worker *w, struct tunnel *t, struct rte_mbuf *m);
// The flow is this worker's and current, but its TUNNEL_ADD is still under way: the packet waits
// for tunnel_try_early(). Takes it.
void tunnel_early(struct worker *w, struct rte_mbuf *m);
// Traffic went out by the flow's SA, whose doubt_from is over: doubts the peer if nothing came in
// for long enough.
void tunnel_doubt(struct worker *w, struct tunnel *t, struct handle h);
// An SA is gone: a flow that used it has none.
void tunnel_forget_sa(struct worker *w, struct handle tunnel, struct handle sa);

// The messages of these names.
void tunnel_on_add(struct worker *w, const struct message *msg);
void tunnel_on_del(struct worker *w, const struct message *msg);
void tunnel_on_use(struct worker *w, const struct message *msg);
void tunnel_on_refuse(struct worker *w, const struct message *msg);
void tunnel_on_peer(struct worker *w, const struct message *msg);
// Once a tick: drops what waited too long, asks again where an ACQUIRE found no room.
void tunnel_tick(struct worker *w);

#endif
