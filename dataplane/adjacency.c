// The last step before a port: the next hop's MAC address. [W] A packet whose neighbour is not
// known waits here, the newest 4 for each neighbour, while the control core asks by ARP or
// neighbour discovery; it hears of the first one by one event. Who scans for neighbours that are
// not there takes the place of others only when those have had time for an answer. [C] writes the
// table.
#include "adjacency.h"

#include <errno.h>
#include <rte_branch_prediction.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_lcore.h>

#include "addr.h"
#include "icmp.h"
#include "icmp6.h"
#include "policy.h"

// More than there may be, since what was deleted keeps its place until no worker looks at it.
#define PLACES       (DP_NEIGHBOURS_MAX + DP_NEIGHBOURS_MAX / 8)
#define WAITS        64 // neighbours that are waited for, for each worker
#define WAIT_PACKETS 4
#define WAIT_TICKS   (3 * TICKS_PER_SECOND)
// Time for an answer. After it a wait may make room for another: that many are asked for a second,
// however many a scan looks for, and none is kept from being asked for long (RFC 6583, 6.1).
#define WAIT_ANSWER_TICKS 4
#define MAC_KNOWN         (1ull << 48)

#define ICMP_HOST 1

struct adjacencies {
	struct rte_hash *macs; // struct adjacency_key -> MAC_KNOWN | MAC, as a pointer-sized number
};

struct adjacency_wait {
	struct adjacency_key key;
	tick_t since;
	uint32_t rules; // policy_changes() when it began
	uint8_t n;      // 0 = free
	bool asked;
	struct rte_mbuf *pkts[WAIT_PACKETS];
};

// Addresses in sequence crowd into some of the hash's buckets, so that there were places left and
// no way to them: buckets may have others behind them.
int adjacency_init(struct dp *dp)
{
	struct rte_hash_parameters params = {
		.name = "neighbours",
		.entries = PLACES,
		.key_len = sizeof(struct adjacency_key),
		.hash_func = rte_hash_crc,
		.socket_id = SOCKET_ID_ANY,
		.extra_flag =
			RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF | RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};
	struct rte_hash_rcu_config rcu = {.v = dp->rcu, .mode = RTE_HASH_QSBR_MODE_DQ};

	params.socket_id = (int)rte_socket_id();
	dp->adjacencies = calloc(1, sizeof(*dp->adjacencies));
	if (!dp->adjacencies)
		return -ENOMEM;
	dp->adjacencies->macs = rte_hash_create(&params);
	if (!dp->adjacencies->macs || rte_hash_rcu_qsbr_add(dp->adjacencies->macs, &rcu))
		return -ENOMEM;
	return 0;
}

void adjacency_fini(struct dp *dp)
{
	if (!dp->adjacencies)
		return;
	rte_hash_free(dp->adjacencies->macs);
	free(dp->adjacencies);
	dp->adjacencies = NULL;
}

int adjacency_wait_init(struct worker *w)
{
	w->n_waits = 0;
	w->waits = calloc(WAITS, sizeof(*w->waits));
	return w->waits ? 0 : -ENOMEM;
}

void adjacency_wait_fini(struct worker *w)
{
	for (unsigned i = 0; w->waits && i < WAITS; i++)
		rte_pktmbuf_free_bulk(w->waits[i].pkts, w->waits[i].n);
	free(w->waits);
	w->waits = NULL;
}

bool adjacency_find(const struct dp *dp, const struct adjacency_key *key,
                    struct rte_ether_addr *mac)
{
	uint64_t value;
	void *data;

	if (rte_hash_lookup_data(dp->adjacencies->macs, key, &data) < 0)
		return false;
	value = (uintptr_t)data;
	memcpy(mac->addr_bytes, &value, sizeof(mac->addr_bytes));
	return value & MAC_KNOWN;
}

bool adjacency_header(struct rte_mbuf *m, const struct iface *iface,
                      const struct rte_ether_addr *to)
{
	uint16_t type = packet_is_ipv6(m) ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4;
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)rte_pktmbuf_prepend(m, sizeof(*eth));

	if (!eth)
		return false;
	eth->dst_addr = *to;
	eth->src_addr = iface->mac;
	eth->ether_type = rte_cpu_to_be_16(type);
	return true;
}

// ---- waiting packets -------------------------------------------------------------------------

static bool key_equal(const struct adjacency_key *a, const struct adjacency_key *b)
{
	return a->iface == b->iface && memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

static struct adjacency_wait *wait_find(struct worker *w, const struct adjacency_key *key)
{
	if (!w->n_waits)
		return NULL;
	for (unsigned i = 0; i < WAITS; i++)
		if (w->waits[i].n && key_equal(&w->waits[i].key, key))
			return &w->waits[i];
	return NULL;
}

// The packets go uncomplained of: nobody has found out yet whether the neighbour is there.
static void wait_evict(struct worker *w, struct adjacency_wait *wait)
{
	worker_count_n(w, DROP_NEIGHBOUR_FULL, wait->n);
	rte_pktmbuf_free_bulk(wait->pkts, wait->n);
	wait->n = 0;
	w->n_waits--;
}

// A free place, or that of the oldest wait. NULL: none has had time for an answer yet.
static struct adjacency_wait *wait_place(struct worker *w)
{
	struct adjacency_wait *oldest = &w->waits[0];

	for (unsigned i = 0; i < WAITS; i++) {
		struct adjacency_wait *wait = &w->waits[i];

		if (!wait->n)
			return wait;
		if (tick_before(wait->since, oldest->since))
			oldest = wait;
	}
	if (tick_diff(w->now, oldest->since) < WAIT_ANSWER_TICKS)
		return NULL;
	wait_evict(w, oldest);
	return oldest;
}

static struct adjacency_wait *wait_start(struct worker *w, const struct adjacency_key *key)
{
	struct adjacency_wait *wait = wait_place(w);

	if (!wait)
		return NULL;
	*wait = (struct adjacency_wait){
		.key = *key, .since = w->now, .rules = policy_changes(w->dp->policy)};
	w->n_waits++;
	return wait;
}

static struct ip_addr address_of(const struct adjacency_key *key)
{
	const struct adjacency_key mapped = adjacency_key4(0, 0);

	if (memcmp(key->addr, mapped.addr, 12) == 0)
		return addr_from_bytes(4, key->addr + 12);
	return addr_from_bytes(6, key->addr);
}

static void wait_ask(struct worker *w, struct adjacency_wait *wait)
{
	const struct dp_event event = {
		.kind = DP_EVENT_NEIGHBOUR_WANTED,
		.iface = (uint16_t)wait->key.iface,
		.addr = address_of(&wait->key),
	};

	if (!wait->asked)
		wait->asked = worker_event(w, &event);
}

// The newest packets are kept (RFC 4861, 7.2.2; RFC 1122, 2.3.2.2).
static void wait_put(struct worker *w, struct adjacency_wait *wait, struct rte_mbuf *m)
{
	if (wait->n == WAIT_PACKETS) {
		worker_drop(w, wait->pkts[0], DROP_NEIGHBOUR_FULL);
		wait->n--;
		memmove(wait->pkts, wait->pkts + 1, wait->n * sizeof(wait->pkts[0]));
	}
	wait->pkts[wait->n++] = m;
}

static void hold(struct worker *w, struct rte_mbuf *m, const struct adjacency_key *key)
{
	struct adjacency_wait *wait = wait_find(w, key);

	if (!wait)
		wait = wait_start(w, key);
	if (!wait) {
		worker_drop(w, m, DROP_NEIGHBOUR_FULL);
		return;
	}
	wait_put(w, wait, m);
	wait_ask(w, wait);
}

// Nobody answers for the address: who sent the packets is told (RFC 4861, 7.2.2; RFC
// 1812, 5.2.7.1).
static void wait_drop(struct worker *w, struct adjacency_wait *wait)
{
	for (unsigned i = 0; i < wait->n; i++) {
		struct rte_mbuf *m = wait->pkts[i];

		if (packet_is_ipv6(m))
			icmp6_error(w, m, ICMP6_UNREACHABLE, ICMP6_ADDRESS, 0);
		else
			icmp_error(w, m, ICMP_UNREACHABLE, ICMP_HOST, 0);
		worker_drop(w, m, DROP_NEIGHBOUR_TIMEOUT);
	}
	wait->n = 0;
	w->n_waits--;
}

// What was to leave in clear by an interface with a crypto map, by rules that have changed since,
// does not.
static uint16_t drop_doubtful(struct worker *w, const struct adjacency_wait *wait,
                              struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t k = 0;

	if (wait->rules == policy_changes(w->dp->policy) ||
	    !iface_has_crypto_map(&w->dp->ifaces[wait->key.iface]))
		return n;
	for (uint16_t i = 0; i < n; i++)
		if (packet_of(pkts[i])->flags & PACKET_NO_POLICY)
			pkts[k++] = pkts[i];
		else
			worker_drop(w, pkts[i], DROP_POLICY_HELD);
	return k;
}

void adjacency_release(struct worker *w, const struct adjacency_key *key)
{
	struct adjacency_wait *wait = wait_find(w, key);
	struct rte_mbuf *pkts[WAIT_PACKETS];
	uint16_t n;

	if (!wait)
		return;
	n = wait->n;
	memcpy(pkts, wait->pkts, n * sizeof(*pkts));
	wait->n = 0;
	w->n_waits--;
	n = drop_doubtful(w, wait, pkts, n);
	n = adjacency(w, pkts, n);
	tx(w, pkts, n);
}

void adjacency_give_up(struct worker *w, const struct adjacency_key *key)
{
	struct adjacency_wait *wait = wait_find(w, key);

	if (wait)
		wait_drop(w, wait);
}

void adjacency_tick(struct worker *w)
{
	for (unsigned i = 0; i < WAITS; i++) {
		struct adjacency_wait *wait = &w->waits[i];

		if (wait->n && tick_diff(w->now, wait->since) > (int32_t)WAIT_TICKS)
			wait_drop(w, wait);
		else if (wait->n)
			wait_ask(w, wait);
	}
}

bool adjacency_take(struct worker *w, const struct adjacency_key *key, struct rte_ether_addr *mac)
{
	bool known = adjacency_find(w->dp, key, mac);

	if (known && unlikely(w->n_waits))
		adjacency_release(w, key);
	return known;
}

static struct adjacency_key key_of(struct rte_mbuf *m)
{
	const struct packet *p = packet_of(m);

	return packet_is_ipv6(m) ? adjacency_key6(p->out, p->next_hop6)
	                         : adjacency_key4(p->out, p->next_hop);
}

uint16_t adjacency(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct adjacency_key last = {.iface = UINT32_MAX};
	struct rte_ether_addr mac;
	bool known = false;
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct adjacency_key key = key_of(pkts[i]);

		// A burst mostly goes one way: one look-up for a run of the same next hop.
		if (!key_equal(&key, &last)) {
			last = key;
			known = adjacency_take(w, &key, &mac);
		}
		if (!known)
			hold(w, pkts[i], &key);
		else if (!adjacency_header(pkts[i], &w->dp->ifaces[key.iface], &mac))
			worker_drop(w, pkts[i], DROP_NO_BUFFER);
		else
			pkts[k++] = pkts[i];
	}
	return k;
}

// ---- the contract, [C] -----------------------------------------------------------------------

static int tell(struct dp *dp, enum message_kind kind, const struct adjacency_key *key)
{
	struct message msg = {.kind = (uint16_t)kind, .iface = (uint16_t)key->iface};

	memcpy(msg.addr6, key->addr, sizeof(msg.addr6));
	return message_broadcast(dp, &msg);
}

// False: no such interface, or no address.
static bool key_make(const struct dp *dp, uint16_t iface, const struct ip_addr *addr,
                     struct adjacency_key *key)
{
	if (iface >= dp->n_ifaces || addr_size(addr->family) == 0)
		return false;
	*key = addr->family == 6 ? adjacency_key6(iface, addr->bytes)
	                         : adjacency_key4(iface, rte_cpu_to_be_32(addr_v4_host(addr)));
	return true;
}

int dp_neighbour_set(struct dp *dp, uint16_t iface, const struct ip_addr *addr,
                     const uint8_t mac[6])
{
	uint64_t value = MAC_KNOWN;
	struct adjacency_key key;
	int rc;

	if (!key_make(dp, iface, addr, &key))
		return -EINVAL;
	memcpy(&value, mac, RTE_ETHER_ADDR_LEN); // the low six bytes: x86 is little-endian
	rc = rte_hash_add_key_data(dp->adjacencies->macs, &key, (void *)(uintptr_t)value);
	return rc < 0 ? rc : tell(dp, MESSAGE_NEIGHBOUR, &key);
}

void dp_neighbour_del(struct dp *dp, uint16_t iface, const struct ip_addr *addr)
{
	struct adjacency_key key;

	if (!key_make(dp, iface, addr, &key))
		return;
	rte_hash_del_key(dp->adjacencies->macs, &key);
	tell(dp, MESSAGE_NEIGHBOUR_GONE, &key);
}
