// IKE SAs: identity, state, keys, DPD sequence numbers, the exchanges that run on them. Control
// core only; IKEv1 here, the version is a field.
#ifndef VIGIL_IKE_SA_H
#define VIGIL_IKE_SA_H

#include <stddef.h>

#include "addr.h"
#include "bytes.h"
#include "keymat.h"
#include "slab.h"
#include "types.h"
#include "wheel.h"

struct control;
struct exchange;
struct handshake;
struct peer;

// RFC 2409, 5: what was sent or received last. Names are printed as IOS does.
enum ike_state {
	IKE_READY,
	IKE_I_MM1, // initiator: message 1 sent
	IKE_I_MM2,
	IKE_I_MM3,
	IKE_I_MM4,
	IKE_I_MM5,
	IKE_I_MM6,
	IKE_R_MM1, // responder: message 1 received
	IKE_R_MM2,
	IKE_R_MM3,
	IKE_R_MM4,
	IKE_R_MM5,
	IKE_P1_COMPLETE,
	IKE_DEST_SA,
	IKE_STATES,
};

// How many are remembered; more if they are recent and may be asked for again.
#define IKE_NODES          16 // that are kept whether their answers are needed or not
#define IKE_NODES_MAX      128
#define IKE_NODES_LAST_MAX 4096 // with the last messages of exchanges that we began
// Of a SHA-1 hash. Whoever could make two messages with one of 64 bits would need the keys too.
#define IKE_NODE_HASH 8

// An exchange that ended lately, with the answer that its last message got: a second copy of that
// message gets the answer again and is not processed (a "node" in IOS's debug lines).
struct ike_node {
	uint8_t *answer;             // NULL: none
	uint8_t hash[IKE_NODE_HASH]; // of the message that was answered
	uint32_t message_id;         // 0 = phase 1
	tick_t when;
	uint16_t answer_len;
	bool used;
	bool last; // the last message of an exchange that we began: nothing else says what it says
	uint8_t repeats; // of the answer: two sides that repeat theirs must not go on for ever
};

// Of the table of what others have begun: no more is ever under way than a small multiple of this.
#define IKE_BEGUN_BUCKETS 65536u

// Negotiations that others began, see ike_sa_dispensable(), and of ours.
enum ike_sa_in {
	IKE_IN_NONE,
	IKE_IN_ASKED,     // our first message has no answer
	IKE_IN_STRANGERS, // nothing has come back for our answer
	IKE_IN_CLAIMS,    // ... and its peer has more here: an IKE SA, children, or it is wanted
	IKE_IN_UNPROVED,  // message 4 is sent
};

// In order of use: a probe and its answer touch what stands before `handshake`, and look at the
// exchanges and nodes.
struct ike_sa {
	struct slab_item slab; // slab.index is the slot in our cookie
	struct ike_sa *next;   // of the peer, newest first
	struct peer *peer;
	uint8_t cookie_i[8], cookie_r[8];
	uint8_t version; // 1
	uint8_t state;   // enum ike_state; written by ike_sa_set_state() only
	bool initiator : 1;
	bool peer_dpd : 1;   // the other side sent the DPD vendor ID
	bool peer_nat_t : 1; // ... and RFC 3947
	bool peer_ours : 1;  // ... and our own
	bool replaced : 1; // begins no exchange: a newer one does, or it was given up; deleted soon
	bool closing : 1;  // replaced for a while: no quick mode begins on it any more
	bool delete_sent : 1;
	bool nat_local : 1; // who is behind a NAT on this SA's path (RFC 3947, 3.2)
	bool nat_remote : 1;
	bool dpd_in_valid : 1; // dpd_in_highest is set
	bool contact : 1;      // INITIAL-CONTACT has come on it: older children do not stay
	bool withdrawn : 1;    // its cookie leads here no more
	uint16_t local_port, remote_port;
	struct ike_suite suite;  // as agreed
	uint8_t queue;           // enum ike_sa_in
	uint8_t messages;        // that came with its cookie before it was established
	uint8_t dpd_outstanding; // probes that are: [dpd_run_first, dpd_run_first + so many)
	struct ike1_keys keys;   // of the suite
	// DPD (RFC 3706, 6): ours starts at random with the high bit clear and rises with every
	// message.
	uint32_t dpd_first;      // sequence of our first R-U-THERE
	uint32_t dpd_next;       // ... and of the next one
	uint32_t dpd_run_first;  // first one of the newest run
	uint32_t dpd_in_highest; // highest R-U-THERE sequence received

	struct handshake *handshake; // phase 1 in progress; NULL once established
	struct exchange *exchanges;  // phase 2 in progress
	struct ike_node *nodes;      // a ring of n_nodes, made when first needed
	uint16_t n_nodes, node_next;
	uint32_t conn_id;
	uint32_t begun_next; // under way, and the peer began it: the next such, slab index + 1
	tick_t created, established;
	tick_t turn_first;      // established: from when on a renewal goes before other peers
	tick_t remembered;      // when the last node was added
	tick_t third_again;     // a message 3 of a quick mode was repeated without being asked for
	tick_t third_refused;   // ... and the peer said last that it cannot read it
	tick_t exchanged_after; // when message 3 of phase 1 was sent or received, from `created` on

	// In its queue, or in none and if it has nodes in the list of SAs that have some.
	struct ike_sa *older, *newer;
	// Timers; armed in phase_1.c only.
	struct wheel_timer rekey;
	struct wheel_timer expire;
};
_Static_assert(sizeof(struct ike_sa) == 320, "what a peer takes: ARCHITECTURE.md");
_Static_assert(offsetof(struct ike_sa, handshake) == 3 * 64, "lines that a probe touches");

// A new IKE SA of a peer, with its cookie made and published. As responder cookie_i is the peer's.
// NULL with errno.
struct ike_sa *ike_sa_create(struct control *c, struct peer *p, bool initiator,
                             const uint8_t cookie_i[8]);
// Deleted, but still to be seen: cookie withdrawn, exchanges ended (their children fail), state
// IKE_DEST_SA. Keys and nodes stay until ike_sa_destroy().
void ike_sa_retire(struct control *c, struct ike_sa *sa);
// Out of all tables, exchanges ended (their children fail), keys wiped, freed. Sends nothing.
void ike_sa_destroy(struct control *c, struct ike_sa *sa);
// The one setter of peer.stranger: what nothing has come back for goes into the other queue.
void ike_sas_set_stranger(struct control *c, struct peer *p, bool stranger);
// Is there nothing of its IKE SAs but what nothing has come back for?
bool ike_sas_are_forgeable(const struct peer *p);
// The one setter of the address that a peer has now.
void ike_sas_set_address(struct control *c, struct peer *p, const struct ip_addr *remote);
// How many that others began from this address, whatever the port, are under way.
unsigned ike_sa_begun_at(const struct control *c, const struct ip_addr *local,
                         const struct ip_addr *remote);
// ... and wait in line for Diffie-Hellman, see ike1_admit().
unsigned ike_sa_waiting_at(const struct control *c, const struct ip_addr *local,
                           const struct ip_addr *remote);
// Of the negotiations that others began, with any peer at `remote` or with anyone (remote NULL),
// the one that makes room for another: the oldest that nothing has come back for. Without such a
// one the oldest whose message 5 is overdue, if its peer has nothing else here. NULL: none.
struct ike_sa *ike_sa_dispensable(const struct control *c, const struct ip_addr *local,
                                  const struct ip_addr *remote);
// Under negotiation, and it is the other side that must go on: neither a turn nor Diffie-Hellman is
// waited for here, nor room on the way out.
bool ike_sa_awaits_peer(const struct ike_sa *sa);
// A place for a peer: ends the stranger that has been here for longest, with all it has begun.
void ike_sa_evict_stranger(struct control *c);
// A place for an IKE SA of this peer (NULL: of a new one), if there is none: ends the oldest that
// nothing has come back for, and its peer if that has nothing else and is another one.
void ike_sa_make_place(struct control *c, const struct peer *p);
// The peer has answered, though its answer does not count yet: it is not one that may have to go.
void ike_sa_has_answered(struct control *c, struct ike_sa *sa);
// Of those that we began the one whose first message has been without an answer for longest, if
// that is for a few seconds, is not repeated any more.
void ike_sa_hurry_oldest(struct control *c);
// The one setter: refuses an illegal step, logs "Old State = X New State = Y" when told to by
// debug, keeps the gauges.
void ike_sa_set_state(struct control *c, struct ike_sa *sa, enum ike_state s);
// It becomes one of another peer's, the newest.
void ike_sa_hand_over(struct control *c, struct ike_sa *sa, struct peer *p);
// Second half of our cookie.
static inline uint32_t ike_sa_tag(const struct ike_sa *sa)
{
	return bytes_get_u32((sa->initiator ? sa->cookie_i : sa->cookie_r) + 4);
}

// The IKE SA whose cookie of our own making this is, in whatever place it stood. NULL: none.
struct ike_sa *ike_sa_of_cookie(const struct control *c, const uint8_t cookie[8]);
// The IKE SA of a received message, by whichever cookie is ours. NULL: none.
struct ike_sa *ike_sa_find(const struct control *c, const uint8_t cookie_i[8],
                           const uint8_t cookie_r[8]);
const char *ike_state_name(enum ike_state s);        // IKE_P1_COMPLETE
const char *ike_state_show(const struct ike_sa *sa); // QM_IDLE, MM_KEY_EXCH, MM_NO_STATE...
static inline bool ike_sa_is_established(const struct ike_sa *sa)
{
	return sa->state == IKE_P1_COMPLETE;
}

#endif
