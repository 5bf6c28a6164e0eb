// Peers: who they are, their life, their IKE SAs and children. A peer is {local address, remote
// address, port if it is behind a NAT}. Control core only.
#ifndef VIGIL_PEER_H
#define VIGIL_PEER_H

#include <stddef.h>

#include "addr.h"
#include "bounds.h"
#include "dpd.h"
#include "slab.h"
#include "types.h"
#include "wheel.h"

#define IKE_PORT     500  // a peer that is behind no NAT
#define IKE_PORT_NAT 4500 // RFC 3947, 4

#define PEER_HEARD_BY_SEVERAL 63

struct child;
struct control;
struct flow;
struct ike_sa;

enum peer_state {
	PEER_NEW,    // known, no phase 1 yet
	PEER_UP,     // has or had an IKE SA in this life
	PEER_ENDING, // for whatever reason: out of all tables, waits for the workers to let go of
	             // its SAs
};

// In a chain of the peers' table: slab index + 1, 0 = none.
struct peer_link {
	uint32_t next, prev;
};

// What only peers need that a NAT is between.
struct peer_nat {
	struct wheel_timer keepalive; // RFC 3948, 4; or children that still are to follow it
	struct peer *peer;
	tick_t moved;   // when its children followed it last
	bool move_owed; // they have yet to follow it
};

// In order of use: a probe and its answer touch what stands before `local_port`.
struct peer {
	struct slab_item slab;    // the generation is its session ID too
	struct ike_sa *ike_sas;   // newest first
	struct child *children;   // newest first
	struct wheel_timer probe; // DPD; armed in peer_timers.c only
	struct dpd dpd;
	struct dpd_config dpd_config; // as it was when the peer came up
	tick_t heard;                 // newest proof of life other than ESP
	bool id_is_address : 1;       // it has shown that it is who its address says
	bool nat_local : 1;           // which side is behind a NAT (RFC 3947, 3.2)
	bool nat_remote : 1;
	bool dpd_capable : 1;  // sent the DPD vendor ID
	bool turn_taken : 1;   // a phase 1 of ours is admitted: not asked again before it begins
	bool manual : 1;       // its one child has manual keys; in no table
	bool have_heard : 1;   // `heard` is set
	bool dead_by_dpd : 1;  // its flows go on to the next peer
	bool forsaken : 1;     // all of its children that are in use, which are not marked yet
	bool takes_many : 1;   // quick modes at a time: it is of our own make
	bool no_esn : 1;       // while it has an IKE SA: refuses offers of extended numbers
	bool doubted : 1;      // by a worker that waits for the answer
	bool stranger : 1;     // see ike_sas_set_stranger()
	bool seeking : 1;      // life of its children, not all of which are asked yet
	bool seek_deaf : 1;    // ... and when the first was asked a worker stood still
	uint16_t heard_by : 6; // port of its messages + 1; 0 = none, PEER_HEARD_BY_SEVERAL
	uint16_t paths : 10;   // control.paths at that time
	struct ip_addr local, remote;
	uint8_t state;       // enum peer_state
	uint8_t quick_modes; // of ours, under way

	uint16_t local_port;
	uint16_t remote_port; // 500, or n after NAT was found; written by peer_set_port() only
	uint16_t key_port;    // remote port when it tells peers behind one NAT apart, else 0
	uint16_t iface;
	uint8_t quick_late;     // of quick_modes, those whose message 1 was repeated
	uint8_t lines_left_out; // peer_log.c's: how many about it were not logged, at least
	uint16_t lines : 4;     // ... and how many were
	uint16_t lines_in : 12; // ... in this stretch of time
	union {
		uint32_t seek_at;  // while seeking: slab index of the next child
		uint32_t last_spi; // ending: inbound, of a child that died with it; 0 = none
	};
	// In no table once it is ending: then by_port.next is the next one that has children left.
	struct peer_link by_port, by_key;
	char *id;             // who it is, if it is not its address, as text; NULL = not shown
	struct flow *waiting; // flows that wait for phase 1, or for their turn of quick modes
	struct peer_nat *nat; // NULL: not needed yet; peer_timers.c's
	tick_t since;         // it is up, or ending
	uint32_t up_since;    // the same in seconds, which do not wrap; see peer_up_seconds()
	uint32_t n_children;  // in the list
	uint32_t sas_pending; // SAs whose DP_EVENT_SA_GONE is awaited, and walks that hold it
	// Armed in phase_1.c only: phase 1 again; with an IKE SA the next quick mode.
	struct wheel_timer retry;
};
_Static_assert(sizeof(struct peer) == 224, "what a peer takes: ARCHITECTURE.md");
_Static_assert(offsetof(struct peer, local_port) == 2 * 64, "lines that a probe touches");

// The tables of peers, and of IKE SAs that peers begin. 0 or -ENOMEM.
int peer_tables_init(struct control *c, uint32_t max_peers);
void peer_tables_fini(struct control *c);
// Finds by addresses and port: the peer whose IKE comes from this port now, or else the last one
// that began from it. IKE's own two ports count as one.
struct peer *peer_find(const struct control *c, const struct ip_addr *local,
                       const struct ip_addr *remote, uint16_t remote_port);
// The peers whose IKE comes from this port now: the first for NULL, then each next one. Nobody can
// look at all peers of an address: a NAT may hide thousands behind one.
struct peer *peer_next_at(const struct control *c, const struct ip_addr *local,
                          const struct ip_addr *remote, uint16_t remote_port,
                          const struct peer *last);
// The one setter of the port that its IKE comes from.
void peer_set_port(struct control *c, struct peer *p, uint16_t remote_port);
// May a peer behind a NAT go on from another address? Only if nothing that was agreed with it, or
// that will be, asks for the one that it has: the entries of its children take any peer, the key
// and the interface are the same, and no child is in transport mode. And it must not be that of a
// peer which an entry names: what comes from there may be forged by whoever has a key.
bool peer_may_be_at(const struct control *c, const struct peer *p, const struct ip_addr *remote);
// The NAT before it has another address, and its IKE comes from this port there; nobody who begins
// from that address, by whatever port, is taken for it. Who it is stays. 0, or -ENOMEM and nothing
// has changed.
int peer_set_address(struct control *c, struct peer *p, const struct ip_addr *remote,
                     uint16_t remote_port);
// Finds or makes one in state PEER_NEW. NULL with errno: ENOSPC (limit), ENOMEM.
struct peer *peer_get(struct control *c, const struct ip_addr *local, const struct ip_addr *remote,
                      uint16_t remote_port);
// One more behind an address, for the one that comes from this port, whoever else is there. NULL
// with errno, as above.
struct peer *peer_create(struct control *c, const struct ip_addr *local,
                         const struct ip_addr *remote, uint16_t remote_port);
// The peer has shown who it is. 0, or -ENOMEM and it is who it was.
int peer_identify(struct peer *p, const char *id);
// Who it is; "" = it has not shown it.
const char *peer_id(const struct peer *p, char buf[ADDR_TEXT]);
// A peer without IKE, for one child with manual keys. NULL with errno.
struct peer *peer_create_manual(struct control *c, const struct ip_addr *local,
                                const struct ip_addr *remote, uint16_t iface);
// The one setter of a peer's state. One that ends is taken out of the tables, and nothing changes
// its state any more.
void peer_set_state(struct control *c, struct peer *p, enum peer_state s);
// How long a peer in PEER_UP has been so; right for longer than ticks tell.
uint32_t peer_up_seconds(const struct control *c, const struct peer *p);
// All SAs of a child of this peer have gone: a dead peer whose last ones these were is buried, an
// unused one is freed.
void peer_sas_gone(struct control *c, struct peer *p);
// Remembers proof of life at `when` (control plane's own memory of an SA that is being deleted, or
// of a message); does not judge.
void peer_note_life(struct peer *p, tick_t when);
// Frees a peer that has neither IKE SA, child, waiting flow nor pending SA; one with nothing left
// but pending SAs has its timers stopped; one with nothing but what may be forged is a stranger.
void peer_release(struct control *c, struct peer *p);
// The IKE SA for new exchanges: the newest established one, or NULL.
struct ike_sa *peer_ike_sa(const struct peer *p);
// True while a phase 1 is being negotiated: one that we began, or one of the peer's whose cookie
// has come back (a first message alone may be forged, and must not keep us waiting).
bool peer_is_negotiating(const struct peer *p);
// A phase 1 of ours awaits the peer's word.
bool peer_is_asked(const struct peer *p);
// A phase 1 of ours waits here, for a turn, Diffie-Hellman or room on the way out.
bool peer_waits_here(const struct peer *p);
// May one more quick mode of ours begin with it?
static inline bool peer_takes_quick_mode(const struct peer *p)
{
	return p->quick_modes < QUICK_MODES_OURS &&
	       (p->takes_many || p->quick_modes - p->quick_late < QUICK_MODES_OTHERS);
}

// Newest proof of life: heard, and ESP of every SA, old ones too. False: none. Walks all children:
// not for what happens often.
bool peer_last_life(const struct control *c, const struct peer *p, tick_t *when);
// Is any of it after `since`? The same, but for who can wait: asks LIFE_AT_A_TIME children, the
// next ones when it is called again; true: there is, or there are no more to ask. Then *have and
// *when are peer_last_life()'s, if there are no more children than that; else *when may be
// older, but is after `since` if any was when the first call was made. False: call it again, with
// a `since` that is not before this one; p->seeking is true meanwhile, and who clears it begins
// anew.
bool peer_seek_life(const struct control *c, struct peer *p, tick_t since, bool *have,
                    tick_t *when);
// Before a child leaves the peer's list.
void peer_skip_child(struct peer *p, const struct child *ch);
// How many phase 1 exchanges may be under way that we began, and as many that others did.
uint32_t peer_negotiations_limit(const struct control *c);
// Is there a place for one more peer, at this address? Strangers make room, others do not; some are
// left to those that entries name.
bool peer_may_come(const struct control *c, const struct ip_addr *local,
                   const struct ip_addr *remote);
// How many IKE SAs there are that count where they are limited: not what may be forged in the name
// of peers that are here, or it would keep out those that are not.
uint32_t peer_ike_sas_counted(const struct control *c);
// Is there room for an IKE SA of this peer (`p` may be NULL: a new one)? One that has an IKE SA, or
// children, always has.
bool peer_is_admitted(const struct control *c, const struct peer *p);
// Every peer once, until fn returns false.
void peer_for_each(const struct control *c, bool (*fn)(struct peer *p, void *arg), void *arg);

#endif
