// Children: pairs of ESP SAs of a flow, from negotiation to deletion. Control core only.
#ifndef VIGIL_CHILD_H
#define VIGIL_CHILD_H

#include "sa_spec.h"
#include "slab.h"
#include "suite.h"
#include "types.h"
#include "wheel.h"

struct control;
struct flow;
struct peer;

enum child_state {
	CHILD_NEGOTIATING, // inbound slot reserved, quick mode running
	CHILD_INBOUND,     // receives; outbound SA made but not used yet (make before break)
	CHILD_LIVE,        // its outbound SA encrypts
	CHILD_OLD,         // a newer one encrypts; still receives
	CHILD_GONE,        // deleted, waits for DP_EVENT_SA_GONE of both directions
};

// Of a child that this side begins, from there until it has taken over and our last message has
// surely arrived.
struct child_start {
	struct wheel_timer activate; // the outbound SA takes over; message 3 once more
	struct child *child;
	uint32_t third;       // the exchange whose message 3 may be repeated, 0 = none
	uint16_t activate_in; // ticks from child.up until it encrypts
	uint8_t thirds;       // how often message 3 was repeated
};

// What was learned from outside of the path to the peer.
struct child_path {
	struct wheel_timer age; // it is forgotten
	struct child *child;
	uint16_t mtu;
};

// What a probe touches comes first.
struct child {
	struct slab_item slab;
	struct child *next; // of the peer, the one that was made before
	struct handle in, out;
	struct flow *flow;  // NULL once the flow has lost it
	uint8_t state;      // enum child_state
	uint8_t encap;      // enum sa_encap
	bool initiator : 1; // this side has begun it
	bool rekeying : 1;  // a successor is being negotiated
	bool had_rival : 1; // another one of the flow was being negotiated when it came up
	bool forsaken : 1;  // the peer may have ended it with its IKE SA
	bool spent : 1;     // nearly all of its volume is
	bool ending : 1;    // in a turn to come, see child_ends.h
	bool late : 1;      // our message 1 was repeated, so that others need not wait
	bool redone : 1;    // made anew, since the peer could not read a message 3 of it
	uint8_t sas : 2;    // SAs in the dataplane
	bool by_spi : 1;    // it is in the table of child_spis.c
	// Slab index + 1: the next in its bucket of child_spis.c; and of the peer the one that was
	// made after it, of the newest one the oldest.
	uint32_t next_by_spi, prev;
	uint32_t conn_id; // even/odd pair as IOS prints it
	struct peer *peer;
	struct child *next_of_flow; // newest first
	uint32_t spi_in, spi_out;   // host order
	struct esp_suite suite;     // as agreed, lifetimes included
	tick_t created, up;         // up: the exchange was complete
	struct child_start *start;  // NULL: over, or the peer has begun it
	struct child_path *path;    // NULL: nothing is known
	// Timers; armed in child_timers.c only.
	struct wheel_timer rekey;  // soft lifetime: a successor is negotiated
	struct wheel_timer expire; // hard lifetime, or an old child's last moment
};
_Static_assert(sizeof(struct child) == 176, "what a peer takes: ARCHITECTURE.md");

// The path MTU that was learned, 0: none.
static inline uint16_t child_path_mtu(const struct child *ch)
{
	return ch->path ? ch->path->mtu : 0;
}

// A child that is about to be negotiated for a flow with a peer: takes the inbound SPI. NULL with
// errno (ENOSPC: table full; ENOMEM).
struct child *child_create(struct control *c, struct peer *p, struct flow *f, bool initiator);
// May a flow have a pair of SAs (`crypto call admission limit ipsec sa`, or what the table leaves
// to new ones)? One that has one may renew it.
bool child_is_admitted(const struct control *c, const struct flow *f);
// The same for a flow that a peer proposes. Where an entry takes any peer, one of them must not
// have all there is: see ANY_PEER_PART.
bool child_may_be_proposed(const struct control *c, const struct peer *p, const struct flow *f);
// A child whose keys stand in the configuration: both SAs are made from them and carry traffic at
// once. NULL with errno: EEXIST (the inbound SPI is taken), ENOSPC, ENOMEM, EINVAL.
struct child *child_create_manual(struct control *c, struct peer *p, struct flow *f,
                                  const struct sa_spec *in, const struct sa_spec *out);
// Keys are there: makes the inbound SA live (responder: when its answer goes out; initiator: before
// its last message goes out). spec->spi is set by this function.
int child_install_in(struct control *c, struct child *ch, struct sa_spec *spec);
// Makes the outbound SA to the peer's SPI.
int child_install_out(struct control *c, struct child *ch, struct sa_spec *spec, uint32_t spi);
// The exchange is complete: from here on it carries traffic (the responder at once, the initiator a
// moment later, when its last message has surely been processed), and the old one retires.
void child_established(struct control *c, struct child *ch);
// The peer has not answered our message 1 in time: others need not wait for it.
void child_is_late(struct control *c, struct child *ch);
// The negotiation failed: slot given back, flow told (retry: with the next peer).
void child_failed(struct control *c, struct child *ch, const char *why);
// The negotiation ended with its IKE SA, and the peer has another one: there it begins again.
void child_restart(struct control *c, struct child *ch);
// The outbound SA encrypts from now on, and what it replaces retires. Called by the timer, or early
// when the old one goes.
void child_activate(struct control *c, struct child *ch);
// Deletes the SAs; `notify` sends a Delete payload if there is an IKE SA. The flow loses it.
void child_delete(struct control *c, struct child *ch, bool notify, const char *why);
// By the peer's own SPI, as an error about a packet quotes it. NULL: none.
struct child *child_find_out(const struct control *c, const struct peer *p, uint32_t spi_out);
// The oldest of a peer that is up, or was; NULL: none was made before `before`.
struct child *child_oldest(const struct control *c, const struct peer *p, tick_t before);
// Has the peer a child that is up, other than `except` (which may be NULL)?
bool peer_has_tunnel(const struct peer *p, const struct child *except);
// Has its flow another one with the same peer in this state?
bool child_has_sibling(const struct child *ch, enum child_state state);
// Out of its flow's list; the flow is not told.
void child_leave_flow(struct child *ch);
// DP_EVENT_SA_GONE.
void child_sa_gone(struct control *c, struct handle sa);
// The child that owns an SA, or NULL.
struct child *child_of(const struct control *c, struct handle sa);
// Starts a successor (soft lifetime). Does nothing if one is under way.
void child_rekey(struct control *c, struct child *ch);

#endif
