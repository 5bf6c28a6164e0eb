// Our ESP stages as a filter, for checks against other implementations
// (tests/interop/esp_scapy.py). Lines in, one line out for each:
//
//   sa CIPHER AUTH FORM KEY AUTHKEY SALT ESN  -> spi HEX     a flow from 192.0.2.1 to 192.0.2.11
//   sequence HEX                             -> ok           so many packets have gone and come
//   encrypt HEX                              -> HEX | drop   an inner packet
//   decrypt HEX                              -> HEX | drop   an outer packet
//
// CIPHER and AUTH are the numbers of common/sa_spec.h. FORM is 1 for ESP in UDP, from port 4500 to
// 4500, plus 2 for transport mode, plus 4 for IPv6 outside (2001:db8:f::1 and ::2), plus 8 for
// inside (2001:db8:1::/64 to 2001:db8:2::/64). ESN is 1 for extended sequence numbers and else 0,
// keys are hex,
// "-" is empty. The last `sa` counts.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate.h"

#define LINE_MAX_BYTES 16384

static unsigned from_hex(const char *text, uint8_t *out, unsigned max)
{
	unsigned n = 0, byte;

	while (n < max && sscanf(text + 2 * n, "%2x", &byte) == 1)
		out[n++] = (uint8_t)byte;
	return n;
}

static void answer(struct rte_mbuf *m)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);

	for (unsigned i = 0; i < rte_pktmbuf_data_len(m); i++)
		printf("%02x", data[i]);
	printf("\n");
	rte_pktmbuf_free(m);
}

static struct rte_mbuf *packet_from(const char *hex)
{
	uint8_t bytes[2000];
	unsigned len = from_hex(hex, bytes, sizeof(bytes));
	struct rte_mbuf *m = rte_pktmbuf_alloc(gate.pool);
	char *data = m ? rte_pktmbuf_append(m, (uint16_t)len) : NULL;

	if (!data)
		abort();
	memcpy(data, bytes, len);
	return m;
}

// The last `sa` counts, and the others need no room.
static void drop_sa(const struct gate_flow *flow)
{
	if (handle_is_null(flow->tunnel))
		return;
	dp_sa_del(&gate, (struct handle[]){flow->in, flow->out}, 2);
	gate_turn();
	(void)gate_events(DP_EVENT_SA_GONE);
	dp_tunnel_del(&gate, flow->tunnel);
	gate_turn();
}

static void put_six(struct sa_spec *spec, unsigned form)
{
	struct ip_addr local, remote;

	addr_parse("2001:db8:1::", &local);
	addr_parse("2001:db8:2::", &remote);
	if (form & 4) {
		addr_parse("2001:db8:f::1", &spec->local);
		addr_parse("2001:db8:f::2", &spec->remote);
	}
	if (form & 8) {
		spec->selector.local = prefix_make(&local, 64);
		spec->selector.remote = prefix_make(&remote, 64);
	}
}

static bool make_sa(const char *args, struct gate_flow *flow)
{
	struct suite none = {SA_CIPHER_NULL, 0, SA_AUTH_NONE};
	struct sa_spec spec = suite_spec(&none, 0);
	char key[129], auth_key[257], salt[33];
	unsigned cipher, auth, form, esn;

	if (sscanf(args, "%u %u %u %128s %256s %32s %u", &cipher, &auth, &form, key, auth_key, salt,
	           &esn) != 7)
		return false;
	spec.cipher = (enum sa_cipher)cipher;
	spec.auth = (enum sa_auth)auth;
	spec.encap = form & 1 ? SA_ENCAP_UDP : SA_ENCAP_NONE;
	if (form & 2) {
		spec.mode = SA_MODE_TRANSPORT;
		spec.selector = (struct selector){.local = prefix_host(&spec.local),
		                                  .remote = prefix_host(&spec.remote)};
	}
	put_six(&spec, form);
	spec.esn = esn == 1;
	spec.local_port = spec.remote_port = 4500;
	spec.key_len = (uint16_t)from_hex(key, spec.key, sizeof(spec.key));
	from_hex(auth_key, spec.auth_key, sizeof(spec.auth_key));
	from_hex(salt, spec.salt, sizeof(spec.salt));
	drop_sa(flow);
	*flow = gate_flow_make(spec);
	return true;
}

static bool advance(const struct gate_flow *flow, const char *hex)
{
	uint64_t sequence = strtoull(hex, NULL, 16);

	sa_table_at(gate.sas, flow->out.index)->sequence = sequence;
	return replay_commit(&sa_table_at(gate.sas, flow->in.index)->replay, sequence);
}

static void encrypt(const struct gate_flow *flow, const char *hex)
{
	struct rte_mbuf *m = packet_from(hex);

	packet_init(m, 0, 0);
	packet_of(m)->tunnel = flow->tunnel;
	packet_of(m)->out = 1;
	packet_of(m)->flags = PACKET_MADE; // transport mode takes no others
	if ((packet_is_ipv6(m) || packet_check_ipv4(m)) && esp_out(gate_owner(flow), &m, 1) == 1)
		answer(m);
	else
		printf("drop\n");
}

static bool arrive(struct rte_mbuf *m)
{
	bool udp;

	if (!packet_is_ipv6(m)) {
		gate_arrive(m);
		packet_of(m)->payload += (uint16_t)(rte_ipv4_hdr_len(packet_ip(m)) - 20);
		return packet_check_ipv4(m);
	}
	udp = packet_ip6(m)->proto == IPPROTO_UDP;
	packet_init(m, 1, 0);
	packet_of(m)->flags = PACKET_OUTER6 | (udp ? PACKET_IN_UDP : 0);
	packet_of(m)->payload = udp ? 48 : 40;
	return true;
}

static void decrypt(const char *hex)
{
	struct rte_mbuf *m = packet_from(hex);

	if (arrive(m) && esp_in(gate.workers[0], &m, 1) == 1)
		answer(m);
	else
		printf("drop\n");
}

int main(void)
{
	static char line[LINE_MAX_BYTES];
	struct gate_flow flow = {0};

	if (eal_start(NULL) || gate_start(NULL))
		return 1;
	while (fgets(line, sizeof(line), stdin)) {
		if (strncmp(line, "sa ", 3) == 0 && make_sa(line + 3, &flow))
			printf("spi %08x\n", flow.spec.spi);
		else if (strncmp(line, "sequence ", 9) == 0 && advance(&flow, line + 9))
			printf("ok\n");
		else if (strncmp(line, "encrypt ", 8) == 0)
			encrypt(&flow, line + 8);
		else if (strncmp(line, "decrypt ", 8) == 0)
			decrypt(line + 8);
		else
			printf("what?\n");
		fflush(stdout);
	}
	return gate_stop(NULL) || eal_stop(NULL);
}
