// Crypto map entries bound to an interface, and their flows: what the policy protects and which
// peer of the entry's list protects it now. Control core only.
#ifndef VIGIL_FLOW_H
#define VIGIL_FLOW_H

#include "config.h"
#include "dp.h"
#include "flow_lines.h"
#include "flow_table.h"
#include "suite.h"
#include "types.h"

#define ENTRY_PEERS_MAX  CONFIG_PEERS
#define ENTRY_SUITES_MAX (2 * CONFIG_SETS) // each set with and without ESN
#define ENTRY_LOCALS_MAX CONFIG_ADDRESSES6 // an IPv4 one, and IPv6 ones but link-local
#define MAP_NAME_MAX     64

struct control;
struct child;
struct entry_peer;
struct manual_keys;
struct peer;

struct entry_deny {
	struct dp_policy_rule rule; // as it was added
	struct handle policy;
};

// One sequence number of a crypto map on one interface, or one of the dynamic map that stands
// there.
struct crypto_entry {
	struct crypto_entry *next;  // in order {iface, ipv6, sequence, dynamic}
	struct crypto_entry **link; // what points to it
	char map_name[MAP_NAME_MAX];
	uint32_t sequence;
	uint16_t dynamic; // sequence number within the dynamic map; 0 = an entry of the map's own
	uint16_t iface;
	bool ipv6; // bound by `ipv6 crypto map`; those bound by `crypto map` come first
	struct ip_addr locals[ENTRY_LOCALS_MAX]; // the interface's addresses
	unsigned n_locals;
	struct ip_addr peers[ENTRY_PEERS_MAX]; // in the order of the configuration
	unsigned n_peers;
	struct entry_peer *listed; // the same, where a peer's address leads to the entry
	unsigned n_listed;
	int default_peer; // index, -1 = none
	unsigned current; // index of the peer that is used now
	struct handle up; // the peer with which a flow came up last
	unsigned tried;   // peers tried in a row without success
	struct esp_suite suites[ENTRY_SUITES_MAX];
	unsigned n_suites;
	uint32_t replay_window; // of inbound SAs, in packets; 0 = none
	tick_t dummy_interval;  // of dummy packets; 0 = none
	struct flow *flows;
	struct flow *sweep;        // the next one to be looked at after a change, NULL = none
	struct flow_lines lines;   // those of access list lines
	struct flow_shapes shapes; // ... and what they look at
	unsigned n_instances;      // the others
	struct entry_deny *denies; // policies of deny lines
	unsigned n_denies;
	bool complete;    // has peers, transform sets and an access list
	bool any_peer;    // complete, dynamic, and names no peer: then whoever has a key
	bool any_traffic; // complete, dynamic, and has no access list: what the peer proposes
	struct crypto_entry *next_any, **link_any;       // any_peer: in c->any_peer_entries
	bool is_manual;                                  // ipsec-manual: no IKE; see manual.h
	struct manual_keys *keys;                        // is_manual only; NULL = out of memory
	struct crypto_entry *next_manual, **link_manual; // is_manual: in c->manual_entries
};

enum flow_state {
	FLOW_IDLE,   // no SA, nobody asks
	FLOW_WANTED, // a packet waits; phase 1 or quick mode is running
	FLOW_UP,     // has a live child
};

#define FLOW_LINE UINT32_MAX // instance of a flow that is a line's own

// What SAs that have ended carried, so that a flow's counters never fall; modulo 2^64 less what
// those that lived carried when the counters were cleared.
struct flow_totals {
	uint64_t in_packets, in_drops, out_packets, out_drops;
};

// An access list line (instance = FLOW_LINE) or a narrower flow that a peer proposed within one, or
// to a dynamic entry without an access list (line 0).
struct flow {
	struct flow *next;                      // of the entry
	struct flow **link;                     // what points to it
	struct flow_link by_entry, by_selector; // see flow_table.h
	struct crypto_entry *entry;
	struct handle tunnel;
	struct handle policy;
	uint32_t line;
	uint32_t instance;
	uint8_t state;        // enum flow_state
	bool waiting : 1;     // in its peer's list
	bool losing_peer : 1; // its peer is dead; teardown.c takes it on to the next
	bool failed_once : 1; // failed_at is set
	struct selector selector;
	tick_t failed_at; // last failure; a packet right after it is refused without a new attempt
	struct child *children;    // all that serve it, with whatever peer; newest first
	struct child *child;       // the one whose outbound SA encrypts; NULL = none
	struct peer *peer;         // negotiating with, or used by child; NULL = none
	struct flow *next_waiting; // peer's list of flows that wait for phase 1, or for their turn
	struct flow *prev_waiting; // ... of the first one, the last
	struct flow_totals *ended; // NULL: all zeros; see flow_set_ended()
};
_Static_assert(sizeof(struct flow) == 160, "what a peer takes: ARCHITECTURE.md");

// What its SAs that have ended carried.
static inline struct flow_totals flow_ended(const struct flow *f)
{
	return f->ended ? *f->ended : (struct flow_totals){0};
}

// The one setter. They have memory once they are not zeros; without any they stay zeros.
void flow_set_ended(struct flow *f, const struct flow_totals *t);

// The flow that a tunnel handle names, or NULL.
struct flow *flow_of(const struct control *c, struct handle tunnel);
// A packet has no SA (DP_EVENT_ACQUIRE), or a failover must go on: starts what is needed with the
// entry's current peer, or refuses.
void flow_acquire(struct control *c, struct flow *f);
// Starts a quick mode for a flow with its peer, or has it wait for phase 1 or for the end of
// others.
void flow_negotiate(struct control *c, struct flow *f);
// Phase 1 is there, or quick modes have ended: starts some for the flows that wait for this peer,
// as many as may be under way at a time. The others have their turn when those end.
void flow_start_waiting(struct control *c, struct peer *p);
// Takes a flow off its peer's waiting list.
void flow_unwait(struct flow *f);
// Takes all flows off a peer's waiting list; they are linked by next_waiting.
struct flow *flow_unwait_all(struct peer *p);
// Gives up for now: what is held is dropped, a later packet starts again. An instance may be
// removed.
void flow_refuse(struct control *c, struct flow *f);
// Negotiation with a peer failed, or the peer died: on to the next peer of the list, at
// once if traffic went out lately, else with the next packet. Nothing happens if the flow is up or
// another negotiation goes on. `failed` may be gone afterwards, and an instance.
void flow_next_peer(struct control *c, struct flow *f, struct peer *failed, bool at_once);
// A child of the flow ends, since its peer is dead. Of an instance nothing may be left that goes on
// to the next peer: the entry does, so that the next packet, by its line, does not ask a dead one.
void flow_lost_peer(struct control *c, const struct flow *f, const struct peer *dead);
// Its negotiation ended with an IKE SA of this peer, which has another: once more with the same
// one, if it is wanted still. An instance may be removed.
void flow_again(struct control *c, struct flow *f, struct peer *p);
// As responder: the flow that a peer's quick mode proposes, seen from here. Entries are tried in
// order of sequence; the proposal must equal or lie within a permitted line of an entry that lists
// this peer. A narrower one is made as an instance. NULL with errno: ENOENT (none allows it),
// ENOSPC (no room, or too many shapes: PROPOSED_SHAPES_MAX), ENOMEM.
struct flow *flow_for_proposal(struct control *c, struct peer *p, const struct selector *s);
// Our address towards this peer (RFC 6724, 5, rule 8); family 0: the interface has none of the
// peer's family.
struct ip_addr flow_local(const struct crypto_entry *e, const struct ip_addr *remote);
// The entry's place in its map: that of its sequence number, and in the dynamic map.
static inline uint32_t flow_place(uint32_t sequence, uint32_t dynamic)
{
	return sequence << 16 | dynamic;
}

// The place of the entry's rules among those of its interface (dp_policy_rule.sequence).
uint64_t flow_rank(const struct crypto_entry *e);
// True if this entry can serve that peer: with IKE, complete, at this local address, the peer in
// its list.
bool flow_entry_lists(const struct crypto_entry *e, const struct ip_addr *local,
                      const struct ip_addr *remote);
// True if some entry lists this address as a peer, so that we may begin a negotiation with it.
bool flow_peer_is_named(const struct control *c, const struct ip_addr *local,
                        const struct ip_addr *remote);
// The same, or a dynamic entry takes any peer.
bool flow_peer_is_listed(const struct control *c, const struct ip_addr *local,
                         const struct ip_addr *remote);
// The tunnel with a peer is up: the search of the list is over.
void flow_up(struct control *c, struct flow *f, struct child *ch);
// A flow that has lost a child, not the one that carries its traffic: it goes on with what is left,
// or is refused. An instance that nothing is left of is removed.
void flow_settle(struct control *c, struct flow *f);
// The flow's last child is gone: the next packet asks for a new one. An instance is removed.
void flow_down(struct control *c, struct flow *f);
// Makes a flow with its tunnel and policy; instance FLOW_LINE for an access list line. NULL with
// errno.
struct flow *flow_create(struct control *c, struct crypto_entry *e, uint32_t line,
                         uint32_t instance, const struct selector *s);
// Ends its children with Delete payloads, and removes it.
void flow_destroy(struct control *c, struct flow *f);
// Removes an instance (never a line) that has no child left.
void flow_release(struct control *c, struct flow *f);

#endif
