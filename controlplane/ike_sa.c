// IKE SAs: cookies, states, the peer's list of them. Control core only. Must not send messages: the
// exchanges do.
//
// Our cookie is {slot, random tag}, so an IKE SA is found without a search; the tag tells uses of a
// slot apart and cannot be guessed.
#include "ike_sa.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "bounds.h"
#include "bytes.h"
#include "control.h"
#include "exchange.h"
#include "ike1/handshake.h"
#include "ike_debug.h"
#include "node.h"
#include "peer.h"
#include "peer_timers.h"
#include "secret.h"

const char *ike_state_name(enum ike_state s)
{
	static const char *const names[IKE_STATES] = {
		[IKE_READY] = "IKE_READY",
		[IKE_I_MM1] = "IKE_I_MM1",
		[IKE_I_MM2] = "IKE_I_MM2",
		[IKE_I_MM3] = "IKE_I_MM3",
		[IKE_I_MM4] = "IKE_I_MM4",
		[IKE_I_MM5] = "IKE_I_MM5",
		[IKE_I_MM6] = "IKE_I_MM6",
		[IKE_R_MM1] = "IKE_R_MM1",
		[IKE_R_MM2] = "IKE_R_MM2",
		[IKE_R_MM3] = "IKE_R_MM3",
		[IKE_R_MM4] = "IKE_R_MM4",
		[IKE_R_MM5] = "IKE_R_MM5",
		[IKE_P1_COMPLETE] = "IKE_P1_COMPLETE",
		[IKE_DEST_SA] = "IKE_DEST_SA",
	};

	return s < IKE_STATES ? names[s] : "IKE_UNKNOWN";
}

const char *ike_state_show(const struct ike_sa *sa)
{
	switch ((enum ike_state)sa->state) {
	case IKE_I_MM2:
	case IKE_I_MM3:
	case IKE_R_MM2:
		return "MM_SA_SETUP";
	case IKE_I_MM4:
	case IKE_I_MM5:
	case IKE_I_MM6:
	case IKE_R_MM3:
	case IKE_R_MM4:
	case IKE_R_MM5:
		return "MM_KEY_EXCH";
	case IKE_P1_COMPLETE:
		return "QM_IDLE";
	default:
		return "MM_NO_STATE";
	}
}

static bool step_is_legal(enum ike_state from, enum ike_state to)
{
	if (to == IKE_DEST_SA)
		return from != IKE_DEST_SA;
	switch (from) {
	case IKE_READY:
		return to == IKE_I_MM1 || to == IKE_R_MM1;
	case IKE_I_MM6:
	case IKE_R_MM5:
		return to == IKE_P1_COMPLETE;
	case IKE_P1_COMPLETE:
	case IKE_DEST_SA:
		return false;
	default:
		return to == from + 1;
	}
}

static bool is_half_open(enum ike_state s)
{
	return s < IKE_P1_COMPLETE;
}

// ---- negotiations that may have to go, by age

#define MESSAGE_2_WITHIN ticks_from_seconds(3) // where room is needed
#define MESSAGE_5_WITHIN ticks_from_seconds(3)

static struct ike_sa_queue *queue_of(struct control *c, const struct ike_sa *sa)
{
	switch ((enum ike_sa_in)sa->queue) {
	case IKE_IN_ASKED:
		return &c->asked;
	case IKE_IN_STRANGERS:
		return &c->strangers;
	case IKE_IN_CLAIMS:
		return &c->claims;
	default:
		return &c->unproved;
	}
}

static void queue_leave(struct control *c, struct ike_sa *sa)
{
	struct ike_sa_queue *q = queue_of(c, sa);

	if (sa->queue == IKE_IN_NONE)
		return;
	*(sa->older ? &sa->older->newer : &q->oldest) = sa->newer;
	*(sa->newer ? &sa->newer->older : &q->newest) = sa->older;
	sa->older = sa->newer = NULL;
	sa->queue = IKE_IN_NONE;
	q->n--;
}

static void queue_join(struct control *c, struct ike_sa *sa, enum ike_sa_in in)
{
	struct ike_sa_queue *q;

	sa->queue = (uint8_t)in;
	q = queue_of(c, sa);
	sa->older = q->newest;
	*(q->newest ? &q->newest->newer : &q->oldest) = sa;
	q->newest = sa;
	q->n++;
}

// Nothing has come back for it, so its address may be forged.
static bool is_forgeable(const struct ike_sa *sa)
{
	return sa->queue == IKE_IN_STRANGERS || sa->queue == IKE_IN_CLAIMS;
}

bool ike_sas_are_forgeable(const struct peer *p)
{
	const struct ike_sa *sa = p->ike_sas;

	while (sa && is_forgeable(sa))
		sa = sa->next;
	return !sa;
}

static void join_forgeable(struct control *c, struct ike_sa *sa)
{
	queue_join(c, sa, sa->peer->stranger ? IKE_IN_STRANGERS : IKE_IN_CLAIMS);
}

void ike_sas_set_stranger(struct control *c, struct peer *p, bool stranger)
{
	struct ike_sa *sa;

	if (p->stranger == stranger)
		return;
	p->stranger = stranger;
	c->stranger_peers += stranger ? 1 : -1u;
	for (sa = p->ike_sas; sa; sa = sa->next) {
		if (!is_forgeable(sa))
			continue;
		queue_leave(c, sa);
		join_forgeable(c, sa);
	}
}

// It has had the time for message 5, and costs nobody anything who is known.
static bool is_overdue(const struct control *c, const struct ike_sa *sa)
{
	return sa->queue == IKE_IN_UNPROVED && sa->handshake &&
	       tick_diff(c->now, sa->handshake->answered) >= (int32_t)MESSAGE_5_WITHIN &&
	       !peer_ike_sa(sa->peer) && !sa->peer->children;
}

// ---- negotiations that others began, by address: at most HALF_OPEN_PER_ADDRESS have the same

static uint32_t *begun_bucket(const struct control *c, const struct ip_addr *local,
                              const struct ip_addr *remote)
{
	return &c->begun[addr_pair_hash(&c->salt, local, remote, 0) % IKE_BEGUN_BUCKETS];
}

static struct ike_sa *begun_at(const struct control *c, uint32_t link)
{
	return link ? slab_at(&c->ike_sas, link - 1) : NULL;
}

static void begun_link(struct control *c, struct ike_sa *sa)
{
	uint32_t *bucket = begun_bucket(c, &sa->peer->local, &sa->peer->remote);

	sa->begun_next = *bucket;
	*bucket = sa->slab.index + 1;
}

static void begun_unlink(struct control *c, struct ike_sa *sa)
{
	uint32_t *link = begun_bucket(c, &sa->peer->local, &sa->peer->remote);

	while (*link != sa->slab.index + 1)
		link = &begun_at(c, *link)->begun_next;
	*link = sa->begun_next;
	sa->begun_next = 0;
}

static bool is_begun(const struct ike_sa *sa)
{
	return !sa->initiator && is_half_open(sa->state);
}

void ike_sas_set_address(struct control *c, struct peer *p, const struct ip_addr *remote)
{
	struct ike_sa *sa;

	for (sa = p->ike_sas; sa; sa = sa->next)
		if (is_begun(sa))
			begun_unlink(c, sa);
	p->remote = *remote;
	for (sa = p->ike_sas; sa; sa = sa->next)
		if (is_begun(sa))
			begun_link(c, sa);
}

// The first behind `link`, newest first.
static struct ike_sa *begun_from(const struct control *c, uint32_t link,
                                 const struct ip_addr *local, const struct ip_addr *remote)
{
	struct ike_sa *sa = begun_at(c, link);

	while (sa &&
	       !(addr_equal(&sa->peer->remote, remote) && addr_equal(&sa->peer->local, local)))
		sa = begun_at(c, sa->begun_next);
	return sa;
}

unsigned ike_sa_begun_at(const struct control *c, const struct ip_addr *local,
                         const struct ip_addr *remote)
{
	struct ike_sa *sa = begun_from(c, *begun_bucket(c, local, remote), local, remote);
	unsigned n = 0;

	for (; sa; sa = begun_from(c, sa->begun_next, local, remote))
		n++;
	return n;
}

unsigned ike_sa_waiting_at(const struct control *c, const struct ip_addr *local,
                           const struct ip_addr *remote)
{
	struct ike_sa *sa = begun_from(c, *begun_bucket(c, local, remote), local, remote);
	unsigned n = 0;

	for (; sa; sa = begun_from(c, sa->begun_next, local, remote))
		n += sa->handshake && sa->handshake->line;
	return n;
}

// Those of peers that are known stay, and are few.
#define OVERDUE_LOOKS 16u

static struct ike_sa *oldest_overdue(const struct control *c)
{
	struct ike_sa *sa = c->unproved.oldest;

	for (unsigned n = 0; sa && n < OVERDUE_LOOKS; n++, sa = sa->newer)
		if (is_overdue(c, sa))
			return sa;
	return NULL;
}

struct ike_sa *ike_sa_dispensable(const struct control *c, const struct ip_addr *local,
                                  const struct ip_addr *remote)
{
	struct ike_sa *sa, *stranger = NULL, *overdue = NULL;

	if (!remote)
		return c->strangers.oldest ? c->strangers.oldest : oldest_overdue(c);
	sa = begun_from(c, *begun_bucket(c, local, remote), local, remote);
	for (; sa; sa = begun_from(c, sa->begun_next, local, remote)) {
		if (is_forgeable(sa))
			stranger = sa;
		else if (is_overdue(c, sa))
			overdue = sa;
	}
	return stranger ? stranger : overdue;
}

void ike_sa_evict_stranger(struct control *c)
{
	struct peer *p = c->strangers.oldest ? c->strangers.oldest->peer : NULL;

	if (!p)
		return;
	while (p->ike_sas)
		ike_sa_destroy(c, p->ike_sas);
	peer_release(c, p);
}

static void evict_oldest(struct control *c, const struct ike_sa_queue *q, const struct peer *heir)
{
	struct ike_sa *sa = q->oldest;
	struct peer *p = sa ? sa->peer : NULL;

	if (!sa)
		return;
	ike_sa_destroy(c, sa);
	if (p != heir)
		peer_release(c, p);
}

// Strangers make room where IKE SAs are limited, if that helps: what was begun in the name of one
// that has left may be many more than there may be.
static void make_counted_place(struct control *c, const struct peer *p)
{
	for (unsigned n = 0; n < HALF_OPEN_PER_ADDRESS && !peer_is_admitted(c, p); n++)
		evict_oldest(c, &c->strangers, p);
}

// In a full table the longer queue gives: whatever comes of one kind, half is the other's.
void ike_sa_make_place(struct control *c, const struct peer *p)
{
	if (peer_ike_sas_counted(c) - c->strangers.n < c->config->isakmp.sa_limit)
		make_counted_place(c, p);
	if (c->ike_sas.used == c->ike_sas.limit)
		evict_oldest(c, c->claims.n > c->strangers.n ? &c->claims : &c->strangers, p);
}

void ike_sa_has_answered(struct control *c, struct ike_sa *sa)
{
	queue_leave(c, sa);
	ike_sas_set_stranger(c, sa->peer, false);
}

void ike_sa_hurry_oldest(struct control *c)
{
	struct ike_sa *sa = c->asked.oldest;

	if (!sa || c->now - sa->created < MESSAGE_2_WITHIN)
		return;
	queue_leave(c, sa);
	if (sa->handshake)
		retransmit_hurry(&sa->handshake->retransmit);
}

bool ike_sa_awaits_peer(const struct ike_sa *sa)
{
	return sa->state < IKE_P1_COMPLETE && sa->handshake && !sa->handshake->dh_pending &&
	       !sa->handshake->retransmit.full;
}

void ike_sa_set_state(struct control *c, struct ike_sa *sa, enum ike_state s)
{
	if (!step_is_legal(sa->state, s)) {
		if (s != sa->state)
			log_msg(&c->log, LOG_ERROR, "CRYPTO", "IKMP_STATE",
			        "Step %s to %s of connection %u refused", ike_state_name(sa->state),
			        ike_state_name(s), sa->conn_id);
		return;
	}
	if (is_half_open(sa->state) && !is_half_open(s)) {
		c->half_open--;
		if (!sa->initiator) {
			c->responding--;
			begun_unlink(c, sa);
		}
	}
	if (s == IKE_I_MM3 || s == IKE_R_MM3)
		sa->exchanged_after = c->now - sa->created;
	if (s > IKE_R_MM2 || sa->queue == IKE_IN_ASKED)
		queue_leave(c, sa);
	if (s == IKE_R_MM3)
		ike_sas_set_stranger(c, sa->peer, false);
	if (s == IKE_I_MM1)
		queue_join(c, sa, IKE_IN_ASKED);
	if (s == IKE_R_MM4) {
		sa->handshake->answered = c->now;
		queue_join(c, sa, IKE_IN_UNPROVED);
	}
	// The end is told by whoever causes it, with its reason.
	if (s != IKE_DEST_SA)
		ike_debug_line(c, sa, "Old State = %s New State = %s", ike_state_name(sa->state),
		               ike_state_name(s));
	sa->state = s;
}

static void make_cookie(struct control *c, struct ike_sa *sa)
{
	uint8_t *cookie = sa->initiator ? sa->cookie_i : sa->cookie_r;
	uint32_t tag;

	do
		secret_random(&tag, sizeof(tag));
	while (!tag);
	bytes_put_u32(cookie, sa->slab.index);
	bytes_put_u32(cookie + 4, tag);
	dp_ike_mark(c->dp, sa->slab.index, tag);
}

struct ike_sa *ike_sa_create(struct control *c, struct peer *p, bool initiator,
                             const uint8_t cookie_i[8])
{
	struct ike_sa *sa = slab_alloc(&c->ike_sas);

	if (!sa)
		return NULL;
	sa->peer = p;
	sa->version = 1;
	sa->initiator = initiator;
	sa->local_port = p->local_port;
	sa->remote_port = p->remote_port;
	sa->conn_id = c->next_conn_id++;
	sa->created = c->now;
	if (!initiator)
		memcpy(sa->cookie_i, cookie_i, sizeof(sa->cookie_i));
	make_cookie(c, sa);
	// RFC 3706, 6.2: the first sequence number is random with its high bit clear.
	secret_random(&sa->dpd_next, sizeof(sa->dpd_next));
	sa->dpd_next &= 0x7fffffff;
	sa->dpd_first = sa->dpd_run_first = sa->dpd_next;
	sa->next = p->ike_sas;
	p->ike_sas = sa;
	c->half_open++;
	if (!initiator) {
		c->responding++;
		begun_link(c, sa);
		if (!sa->next && !p->children && !p->waiting)
			ike_sas_set_stranger(c, p, true);
		join_forgeable(c, sa);
	}
	c->counters.negotiations_started++;
	return sa;
}

static void withdraw_cookie(struct control *c, struct ike_sa *sa)
{
	if (sa->withdrawn)
		return;
	dp_ike_mark(c->dp, sa->slab.index, 0);
	sa->withdrawn = true;
}

void ike_sa_retire(struct control *c, struct ike_sa *sa)
{
	peer_timers_stop_ike(c, sa);
	withdraw_cookie(c, sa);
	// First the state: what the end of an exchange starts must not choose this SA again.
	ike_sa_set_state(c, sa, IKE_DEST_SA);
	handshake_destroy(c, sa);
	exchange_end_all(c, sa);
}

static void unlink_sa(struct ike_sa *sa)
{
	struct ike_sa **link = &sa->peer->ike_sas;

	while (*link != sa)
		link = &(*link)->next;
	*link = sa->next;
	sa->next = NULL;
}

void ike_sa_hand_over(struct control *c, struct ike_sa *sa, struct peer *p)
{
	ike_sas_set_stranger(c, p, false);
	unlink_sa(sa);
	sa->peer = p;
	sa->next = p->ike_sas;
	p->ike_sas = sa;
}

void ike_sa_destroy(struct control *c, struct ike_sa *sa)
{
	ike_sa_retire(c, sa);
	unlink_sa(sa);
	node_forget_all(c, sa);
	keymat_wipe(&sa->suite, &sa->keys);
	slab_free(&c->ike_sas, sa);
}

struct ike_sa *ike_sa_of_cookie(const struct control *c, const uint8_t cookie[8])
{
	struct reader r = reader_make(cookie, 8);
	uint32_t slot = reader_u32(&r), tag = reader_u32(&r);
	struct ike_sa *sa = tag ? slab_at(&c->ike_sas, slot) : NULL;

	return sa && !sa->withdrawn && ike_sa_tag(sa) == tag ? sa : NULL;
}

static struct ike_sa *find_own(const struct control *c, const uint8_t cookie[8], bool initiator)
{
	struct ike_sa *sa = ike_sa_of_cookie(c, cookie);

	return sa && sa->initiator == initiator ? sa : NULL;
}

struct ike_sa *ike_sa_find(const struct control *c, const uint8_t cookie_i[8],
                           const uint8_t cookie_r[8])
{
	static const uint8_t none[8];
	struct ike_sa *sa = find_own(c, cookie_r, false);

	if (sa)
		return memcmp(sa->cookie_i, cookie_i, 8) == 0 ? sa : NULL;
	sa = find_own(c, cookie_i, true);
	if (!sa)
		return NULL;
	// Before message 2 the responder's cookie is not known.
	if (memcmp(sa->cookie_r, none, 8) == 0 || memcmp(sa->cookie_r, cookie_r, 8) == 0)
		return sa;
	return NULL;
}
