// See farm_net.h. One thread.
#include "farm_net.h"

#include <errno.h>
#include <rte_arp.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <stdio.h>
#include <string.h>

#define MBUFS       32767
#define DESCRIPTORS 1024

static struct rte_mempool *pool; // of all ports

static int complain(const char *what, int err)
{
	fprintf(stderr, "farm: %s: %s\n", what, strerror(-err));
	return err;
}

int farm_net_eal(const char *const *devices, unsigned n)
{
	char *args[32] = {"farm", "--no-huge",      "--no-shconf", "--no-pci", "-m",
	                  "256",  "--no-telemetry", "--log-level", "3",        "--lcores=0@0"};
	int count = 10;

	for (unsigned i = 0; i < n && i < 8; i++) {
		args[count++] = "--vdev";
		args[count++] = (char *)(uintptr_t)devices[i];
	}
	if (rte_eal_init(count, args) < 0)
		return complain("EAL", -EIO);
	pool = rte_pktmbuf_pool_create("farm", MBUFS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
	                               SOCKET_ID_ANY);
	return pool ? 0 : complain("packet buffers", -ENOMEM);
}

int farm_net_start(struct farm_net *n, uint16_t port, uint32_t own, uint32_t gateway)
{
	const struct rte_eth_conf conf = {0};
	struct rte_ether_addr mac;
	int rc;

	memset(n, 0, sizeof(*n));
	n->port = port;
	n->own = own;
	n->other = gateway;
	n->pool = pool;
	rc = rte_eth_dev_configure(n->port, 1, 1, &conf);
	if (rc == 0)
		rc = rte_eth_rx_queue_setup(n->port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL, n->pool);
	if (rc == 0)
		rc = rte_eth_tx_queue_setup(n->port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL);
	if (rc == 0)
		rc = rte_eth_dev_start(n->port);
	if (rc == 0)
		rc = rte_eth_macaddr_get(n->port, &mac);
	if (rc)
		return complain("the port", rc);
	memcpy(n->mac, mac.addr_bytes, sizeof(n->mac));
	return 0;
}

void farm_net_flush(struct farm_net *n)
{
	uint16_t done = 0;

	// A few more tries: the other side empties the ring when it gets its turn.
	for (unsigned i = 0; i < 8 && done < n->n_out; i++)
		done += rte_eth_tx_burst(n->port, 0, n->out + done, (uint16_t)(n->n_out - done));
	rte_pktmbuf_free_bulk(n->out + done, n->n_out - done);
	n->sent += done;
	n->lost += n->n_out - done;
	n->n_out = 0;
}

static void put(struct farm_net *n, struct rte_mbuf *m)
{
	if (n->n_out == FARM_BURST)
		farm_net_flush(n);
	n->out[n->n_out++] = m;
}

static struct rte_mbuf *frame_make(struct farm_net *n, const uint8_t *to, uint16_t type,
                                   uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(n->pool);
	struct rte_ether_hdr *eth;

	if (!m) {
		n->lost++;
		return NULL;
	}
	eth = (struct rte_ether_hdr *)rte_pktmbuf_append(m, len);
	if (!eth) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	memcpy(&eth->dst_addr, to, 6);
	memcpy(&eth->src_addr, n->mac, 6);
	eth->ether_type = rte_cpu_to_be_16(type);
	return m;
}

static void send_arp(struct farm_net *n, uint16_t opcode, const uint8_t *to, uint32_t target)
{
	struct rte_mbuf *m = frame_make(n, to, RTE_ETHER_TYPE_ARP,
	                                RTE_ETHER_HDR_LEN + sizeof(struct rte_arp_hdr));
	struct rte_arp_hdr *arp;

	if (!m)
		return;
	arp = rte_pktmbuf_mtod_offset(m, struct rte_arp_hdr *, RTE_ETHER_HDR_LEN);
	*arp = (struct rte_arp_hdr){
		.arp_hardware = rte_cpu_to_be_16(RTE_ARP_HRD_ETHER),
		.arp_protocol = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4),
		.arp_hlen = 6,
		.arp_plen = 4,
		.arp_opcode = rte_cpu_to_be_16(opcode),
	};
	memcpy(&arp->arp_data.arp_sha, n->mac, 6);
	arp->arp_data.arp_sip = rte_cpu_to_be_32(n->own);
	memcpy(&arp->arp_data.arp_tha, to, 6);
	arp->arp_data.arp_tip = rte_cpu_to_be_32(target);
	put(n, m);
}

void farm_net_ask(struct farm_net *n)
{
	static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};

	send_arp(n, RTE_ARP_OP_REQUEST, all, n->other);
	farm_net_flush(n);
}

static void arp_in(struct farm_net *n, const struct rte_mbuf *m)
{
	const struct rte_arp_hdr *arp =
		rte_pktmbuf_mtod_offset(m, const struct rte_arp_hdr *, RTE_ETHER_HDR_LEN);
	uint32_t sender;

	if (m->data_len < RTE_ETHER_HDR_LEN + sizeof(*arp))
		return;
	sender = rte_be_to_cpu_32(arp->arp_data.arp_sip);
	if (sender != n->other || rte_be_to_cpu_32(arp->arp_data.arp_tip) != n->own)
		return;
	memcpy(n->gateway, &arp->arp_data.arp_sha, 6);
	n->known = true;
	if (arp->arp_opcode == rte_cpu_to_be_16(RTE_ARP_OP_REQUEST))
		send_arp(n, RTE_ARP_OP_REPLY, n->gateway, n->other);
}

static struct rte_ipv4_hdr *packet_make(struct farm_net *n, uint32_t src, uint32_t dst,
                                        uint8_t protocol, uint16_t len, struct rte_mbuf **m)
{
	struct rte_ipv4_hdr *ip;

	*m = frame_make(n, n->gateway, RTE_ETHER_TYPE_IPV4, (uint16_t)(RTE_ETHER_HDR_LEN + len));
	if (!*m)
		return NULL;
	ip = rte_pktmbuf_mtod_offset(*m, struct rte_ipv4_hdr *, RTE_ETHER_HDR_LEN);
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(len),
		.time_to_live = 63,
		.next_proto_id = protocol,
		.src_addr = rte_cpu_to_be_32(src),
		.dst_addr = rte_cpu_to_be_32(dst),
	};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	return ip;
}

void farm_net_send(struct farm_net *n, const struct farm_datagram *d)
{
	uint16_t len =
		(uint16_t)(sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr) + d->len);
	struct rte_mbuf *m;
	struct rte_ipv4_hdr *ip = packet_make(n, d->src, d->dst, IPPROTO_UDP, len, &m);
	struct rte_udp_hdr *udp;

	if (!ip)
		return;
	udp = (struct rte_udp_hdr *)(ip + 1);
	*udp = (struct rte_udp_hdr){
		.src_port = rte_cpu_to_be_16(d->src_port),
		.dst_port = rte_cpu_to_be_16(d->dst_port),
		.dgram_len = rte_cpu_to_be_16((uint16_t)(sizeof(*udp) + d->len)),
	};
	memcpy(udp + 1, d->data, d->len);
	udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
	put(n, m);
}

uint8_t *farm_net_packet(struct farm_net *n, uint32_t src, uint32_t dst, uint8_t protocol,
                         uint16_t len)
{
	struct rte_mbuf *m;
	struct rte_ipv4_hdr *ip;

	ip = packet_make(n, src, dst, protocol, len, &m);
	if (!ip)
		return NULL;
	put(n, m);
	return (uint8_t *)(ip + 1);
}

bool farm_net_datagram(const uint8_t *packet, uint16_t size, struct farm_datagram *d)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)packet;
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(ip + 1);
	uint16_t len;

	if (size < sizeof(*ip) + sizeof(*udp) || ip->next_proto_id != IPPROTO_UDP)
		return false;
	len = rte_be_to_cpu_16(udp->dgram_len);
	if (len < sizeof(*udp) || sizeof(*ip) + len > size)
		return false;
	*d = (struct farm_datagram){
		.src = rte_be_to_cpu_32(ip->src_addr),
		.dst = rte_be_to_cpu_32(ip->dst_addr),
		.src_port = rte_be_to_cpu_16(udp->src_port),
		.dst_port = rte_be_to_cpu_16(udp->dst_port),
		.data = (const uint8_t *)(udp + 1),
		.len = (uint16_t)(len - sizeof(*udp)),
	};
	return true;
}

// The length of the IPv4 packet in a frame; 0: it is not whole, or has options.
static uint16_t packet_len(const struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip =
		rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, RTE_ETHER_HDR_LEN);
	uint16_t len;

	if (m->nb_segs != 1 || m->data_len < RTE_ETHER_HDR_LEN + sizeof(*ip) ||
	    ip->version_ihl != RTE_IPV4_VHL_DEF)
		return 0;
	len = rte_be_to_cpu_16(ip->total_length);
	return len >= sizeof(*ip) && RTE_ETHER_HDR_LEN + len <= m->data_len ? len : 0;
}

unsigned farm_net_poll(struct farm_net *n, void (*fn)(void *arg, const uint8_t *ip, uint16_t len),
                       void *arg)
{
	struct rte_mbuf *pkts[FARM_BURST];
	uint16_t got = rte_eth_rx_burst(n->port, 0, pkts, FARM_BURST), len;

	for (uint16_t i = 0; i < got; i++) {
		const struct rte_ether_hdr *eth =
			rte_pktmbuf_mtod(pkts[i], const struct rte_ether_hdr *);

		if (eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP))
			arp_in(n, pkts[i]);
		else if (eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) &&
		         (len = packet_len(pkts[i])) > 0)
			fn(arg, (const uint8_t *)(eth + 1), len);
	}
	rte_pktmbuf_free_bulk(pkts, got);
	return got;
}
