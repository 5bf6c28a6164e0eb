// Ports around the gateway. One thread. A capture is written to a temporary file, which net_pcap
// reads into buffers once; replaying costs a copy of the frame. Only the functions that say so in
// rig.h are timed by others.
#include "rig.h"

#include <errno.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "packet.h"
#include "pool.h"
#include "wrap.h"

#define TAIL        512u // ESP, and what is written beyond it
#define FEW         512u // packets of a capture, at least: the flows come again and again
#define LIVE        2048u
#define CACHE       256u // as the gateway's own pool
#define DESCRIPTORS 512u
#define INNER_TTL   64

static int complain(const char *what, int err)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(-err));
	return err;
}

// A small generator with a fixed seed: every run visits in the same order.
static uint32_t below(uint32_t n)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)((x >> 11) % n);
}

static void shuffle(struct rig *r, uint32_t n)
{
	r->n = n;
	r->next = 0;
	for (uint32_t i = 0; i < n; i++) { // from the inside out
		uint32_t k = below(i + 1);

		r->order[i] = r->order[k];
		r->order[k] = i;
	}
}

// ---- ports -----------------------------------------------------------------------------------

static int port_make(const char *name, const char *args, struct rte_mempool *pool, uint16_t *port)
{
	const struct rte_eth_conf conf = {.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE};
	int rc = rte_eal_hotplug_add("vdev", name, args);

	if (rc == 0)
		rc = rte_eth_dev_get_port_by_name(name, port);
	if (rc == 0)
		rc = rte_eth_dev_configure(*port, 1, 1, &conf);
	if (rc == 0)
		rc = rte_eth_rx_queue_setup(*port, 0, DESCRIPTORS, 0, NULL, pool);
	if (rc == 0)
		rc = rte_eth_tx_queue_setup(*port, 0, DESCRIPTORS, 0, NULL);
	return rc ? rc : rte_eth_dev_start(*port);
}

static void port_destroy(uint16_t *port)
{
	char name[RTE_ETH_NAME_MAX_LEN];

	if (*port == UINT16_MAX || rte_eth_dev_get_name_by_port(*port, name))
		return;
	rte_eth_dev_stop(*port);
	rte_eal_hotplug_remove("vdev", name);
	*port = UINT16_MAX;
}

int rig_start(struct rig *r, struct gateway *g, uint32_t max_flows)
{
	int rc;

	memset(r, 0, sizeof(*r));
	r->gateway = g;
	r->source = r->loop = UINT16_MAX;
	r->inside = g->dp->ifaces[GATEWAY_INSIDE].port;
	r->outside = g->dp->ifaces[GATEWAY_OUTSIDE].port;
	r->order = calloc(max_flows, sizeof(*r->order));
	rc = r->order ? port_make("net_ring_bench", "", g->dp->pool, &r->loop) : -ENOMEM;
	if (rc) {
		complain("the ring", rc);
		rig_stop(r);
	}
	return rc;
}

void rig_stop(struct rig *r)
{
	if (!r->gateway)
		return;
	rig_close(r);
	port_destroy(&r->loop);
	free(r->order);
	memset(r, 0, sizeof(*r));
}

// ---- the capture -----------------------------------------------------------------------------

// An inner packet of `len` bytes of a flow, in the direction of the addresses.
static void inner_packet(uint8_t *at, uint16_t len, uint32_t src, uint32_t dst)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)at;

	*ip = (struct rte_ipv4_hdr){
		.version_ihl = 0x45,
		.total_length = rte_cpu_to_be_16(len),
		.time_to_live = INNER_TTL,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = rte_cpu_to_be_32(src),
		.dst_addr = rte_cpu_to_be_32(dst),
	};
	packet_checksum_ipv4(ip);
}

static bool capture_write(struct rig *r, FILE *file)
{
	// Magic, version 2.4, time zone, accuracy, longest packet, Ethernet.
	static const uint32_t head[] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, UINT16_MAX, 1};
	const uint32_t record[] = {0, 0, r->frame, r->frame}; // time, bytes here, bytes on the wire
	static uint8_t frame[UINT16_MAX];
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)frame;

	eth->dst_addr = r->gateway->dp->ifaces[GATEWAY_INSIDE].mac;
	eth->src_addr.addr_bytes[0] = 0x02;
	eth->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	for (unsigned i = sizeof(*eth) + PACKET_IPV4_MIN; i < r->frame; i++)
		frame[i] = (uint8_t)(i * 7);
	fwrite(head, sizeof(head), 1, file);
	for (uint32_t i = 0; i < RTE_MAX(r->n, FEW); i++) {
		inner_packet(frame + sizeof(*eth), r->frame - (uint16_t)sizeof(*eth),
		             GATEWAY_LOCAL_HOST, GATEWAY_REMOTE_HOST + rig_next(r));
		fwrite(record, sizeof(record), 1, file);
		fwrite(frame, r->frame, 1, file);
	}
	return fflush(file) == 0 && !ferror(file);
}

// Packets as large as the gateway's own would be.
static int pool_make(struct rig *r)
{
	uint32_t room = RTE_MAX(r->frame + TAIL, POOL_ROOM_SMALL) + RTE_PKTMBUF_HEADROOM;

	r->pool = rte_pktmbuf_pool_create_by_ops("replay", RTE_MAX(r->n, FEW) + LIVE, CACHE,
	                                         PACKET_PRIV_SIZE, (uint16_t)room, SOCKET_ID_ANY,
	                                         "ring_mt_rts");
	return r->pool ? 0 : -rte_errno;
}

int rig_open(struct rig *r, uint32_t n, uint16_t frame)
{
	char args[64], name[32];
	int fd = memfd_create("capture", 0), rc;
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (!file)
		return complain("no place for a capture", -errno);
	rig_close(r);
	r->frame = frame;
	shuffle(r, n);
	snprintf(args, sizeof(args), "rx_pcap=/proc/self/fd/%d,infinite_rx=1", fd);
	snprintf(name, sizeof(name), "net_pcap_bench%u", r->opened++);
	rc = capture_write(r, file) ? pool_make(r) : -EIO;
	if (rc == 0)
		rc = port_make(name, args, r->pool, &r->source);
	fclose(file);
	return rc ? complain("the capture cannot be replayed", rc) : 0;
}

void rig_close(struct rig *r)
{
	rig_lay_none(r);
	port_destroy(&r->source);
	rte_mempool_free(r->pool);
	r->pool = NULL;
}

// ---- laying ports ----------------------------------------------------------------------------

static void lay(struct rig *r, uint16_t inside_rx, uint16_t outside_rx, uint16_t outside_tx)
{
	struct worker *w = r->gateway->worker;

	for (unsigned i = 0; i < w->n_rxqs; i++)
		w->rxqs[i].port = w->rxqs[i].iface == GATEWAY_INSIDE ? inside_rx : outside_rx;
	r->gateway->dp->ifaces[GATEWAY_OUTSIDE].port = outside_tx;
}

void rig_lay_out(struct rig *r)
{
	lay(r, r->source, r->outside, r->outside);
}

void rig_lay_in(struct rig *r)
{
	lay(r, r->inside, r->loop, r->outside);
}

void rig_lay_none(struct rig *r)
{
	lay(r, r->inside, r->outside, r->outside);
}

// ---- the ring --------------------------------------------------------------------------------

static void turn_round(struct rte_mbuf *m)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(eth + 1);
	struct rte_ether_addr mac = eth->src_addr;
	uint32_t src = ip->src_addr;

	eth->src_addr = eth->dst_addr;
	eth->dst_addr = mac;
	ip->src_addr = ip->dst_addr; // the checksum is a sum: it stays
	ip->dst_addr = src;
}

// One packet from a remote host to the local one, for the gateway's esp_out.
static struct rte_mbuf *loop_packet(struct rig *r)
{
	struct gateway *g = r->gateway;
	struct rte_mbuf *m = rte_pktmbuf_alloc(r->pool);
	uint16_t len = r->frame - (uint16_t)sizeof(struct rte_ether_hdr);
	uint32_t flow = rig_next(r);
	uint8_t *data = m ? (uint8_t *)rte_pktmbuf_append(m, len) : NULL;
	struct packet *p;

	if (!data)
		return NULL;
	inner_packet(data, len, GATEWAY_REMOTE_HOST + flow, GATEWAY_LOCAL_HOST);
	packet_init(m, PACKET_NO_IFACE, g->worker->now);
	p = packet_of(m);
	p->kind = PACKET_TUNNEL;
	p->out = GATEWAY_OUTSIDE;
	p->ihl = PACKET_IPV4_MIN;
	p->tunnel = g->flows[flow].tunnel;
	return m;
}

bool rig_fill_loop(struct rig *r)
{
	struct rte_ring *in = r->gateway->dp->ifaces[GATEWAY_INSIDE].control_ring;
	struct rte_mbuf *pkts[RIG_LOOP];
	unsigned n = 0, got;

	lay(r, r->inside, r->outside, r->loop);
	while (n < RIG_LOOP && (pkts[n] = loop_packet(r)))
		n++;
	n = rte_ring_sp_enqueue_burst(in, (void **)pkts, n, NULL);
	for (unsigned i = 0; i < n && rte_ring_count(in); i++) // a turn takes some of them
		worker_turn(r->gateway->worker);
	rig_lay_none(r);
	got = 0;
	while (got < n) {
		uint16_t k = rte_eth_rx_burst(r->loop, 0, pkts + got, (uint16_t)(n - got));

		if (k == 0)
			break;
		got += k;
	}
	for (unsigned i = 0; i < got; i++)
		turn_round(pkts[i]);
	return rte_eth_tx_burst(r->loop, 0, pkts, (uint16_t)got) == RIG_LOOP;
}

bool rig_fill_blank(struct rig *r)
{
	const struct sa *sa = sa_table_at(r->gateway->dp->sas, r->gateway->flows[0].out.index);
	uint32_t inner = r->frame - (uint32_t)sizeof(struct rte_ether_hdr);
	uint16_t len =
		(uint16_t)(RTE_ETHER_HDR_LEN + sa->overhead + wrap_text_len(sa->align, inner));
	struct rte_mbuf *pkts[RIG_LOOP];
	unsigned n = 0;

	if (rte_pktmbuf_alloc_bulk(r->pool, pkts, RIG_LOOP))
		return false;
	for (unsigned i = 0; i < RIG_LOOP; i++) {
		char *data = rte_pktmbuf_append(pkts[i], len);

		if (data)
			memset(data, (int)i, len);
		n += data != NULL;
	}
	return n == RIG_LOOP && rte_eth_tx_burst(r->loop, 0, pkts, RIG_LOOP) == RIG_LOOP;
}

// ---- the rig alone ---------------------------------------------------------------------------

static unsigned pass(uint16_t from, uint16_t to, unsigned bursts)
{
	struct rte_mbuf *pkts[RIG_BURST];
	unsigned total = 0;

	while (bursts--) {
		uint16_t n = rte_eth_rx_burst(from, 0, pkts, RIG_BURST);

		total += rte_eth_tx_burst(to, 0, pkts, n);
	}
	return total;
}

unsigned rig_replay(struct rig *r, unsigned bursts)
{
	return pass(r->source, r->outside, bursts);
}

unsigned rig_drain_loop(struct rig *r, unsigned bursts)
{
	return pass(r->loop, r->inside, bursts);
}
