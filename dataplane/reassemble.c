// Puts fragments together that are for the gateway itself: ESP, IKE, ICMP. [W] Bounded in three
// ways (datagrams, fragments of one, time), so that fragments without end cost a fixed amount of
// memory. All fragments of a datagram meet at one worker: hash(source, destination, id).
#include "reassemble.h"

#include <errno.h>
#include <rte_hash_crc.h>
#include <rte_ip_frag.h>
#include <rte_lcore.h>

#include "classify.h"
#include "join.h"

#define DATAGRAMS       128 // at a time, for each worker
#define BUCKET          4
#define TIMEOUT_SECONDS 5
#define PREFETCH        3

struct reassembly {
	struct rte_ip_frag_tbl *table;
	struct rte_ip_frag_death_row row;
	tick_t expired;
};

int reassemble_init(struct worker *w)
{
	struct reassembly *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	w->reassembly = r;
	r->table = rte_ip_frag_table_create(DATAGRAMS / BUCKET, BUCKET, DATAGRAMS,
	                                    w->dp->clock.hz * TIMEOUT_SECONDS, SOCKET_ID_ANY);
	return r->table ? 0 : -ENOMEM;
}

void reassemble_fini(struct worker *w)
{
	struct reassembly *r = w->reassembly;

	if (!r)
		return;
	rte_ip_frag_free_death_row(&r->row, PREFETCH);
	if (r->table)
		rte_ip_frag_table_destroy(r->table);
	free(r);
	w->reassembly = NULL;
}

// What the library gave up.
static void bury(struct worker *w)
{
	struct reassembly *r = w->reassembly;

	if (r->row.cnt == 0)
		return;
	worker_count_n(w, DROP_FRAGMENT, r->row.cnt);
	rte_ip_frag_free_death_row(&r->row, PREFETCH);
}

void reassemble_tick(struct worker *w)
{
	rte_ip_frag_table_del_expired_entries(w->reassembly->table, &w->reassembly->row, w->tsc);
	bury(w);
}

static unsigned owner_of(const struct worker *w, const struct rte_ipv4_hdr *ip)
{
	uint32_t key[3] = {ip->src_addr, ip->dst_addr, ip->packet_id};

	return rte_hash_crc(key, sizeof(key), 0) % w->dp->n_workers;
}

// NULL: it was dropped.
static struct rte_mbuf *in_one_piece(struct worker *w, struct rte_mbuf *m)
{
	if (m->nb_segs == 1)
		return m;
	if (rte_pktmbuf_pkt_len(m) <= REASSEMBLE_MAX)
		return join(w, m);
	worker_drop(w, m, DROP_FRAGMENT_BIG);
	return NULL;
}

// The whole packet, or NULL while fragments are missing.
static struct rte_mbuf *add(struct worker *w, struct rte_mbuf *m)
{
	struct rte_ipv4_hdr *ip = packet_ip(m);

	m->l2_len = 0;
	m->l3_len = packet_of(m)->ihl;
	m->ol_flags = 0;
	m = rte_ipv4_frag_reassemble_packet(w->reassembly->table, &w->reassembly->row, m, w->tsc,
	                                    ip);
	bury(w);
	if (!m)
		return NULL;
	m = in_one_piece(w, m);
	if (m && !packet_check_ipv4(m)) {
		worker_drop(w, m, DROP_FRAGMENT);
		return NULL;
	}
	if (m) {
		packet_ip(m)->fragment_offset = 0;
		packet_checksum_ipv4(packet_ip(m));
		worker_count(w, COUNT_REASSEMBLED);
	}
	return m;
}

uint16_t reassemble(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		unsigned owner = owner_of(w, packet_ip(m));

		if (owner != w->index) {
			handoff_send(w, owner, m, PACKET_FRAGMENT);
			continue;
		}
		m = add(w, m);
		if (!m)
			continue;
		// What was inside a tunnel is neither ESP nor IKE of the outside.
		packet_of(m)->kind = PACKET_ROUTE;
		if (!(packet_of(m)->flags & PACKET_DECRYPTED)) {
			packet_of(m)->kind = PACKET_PLAIN;
			if (!classify_own(w, m))
				continue;
		}
		pkts[k++] = m;
	}
	return k;
}
