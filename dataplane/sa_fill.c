// From a negotiated SA to constants: key schedules and HMAC states by ipsec-mb, the outer header's
// template, lengths and limits. [C] Runs on the control core before a worker knows the SA. It must
// not leave key material on the stack.
#include "sa_fill.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "addr.h"
#include "secret.h"

#define SA_FLOW_LABEL 0xfffffu

static bool key_len_ok(enum sa_cipher cipher, unsigned len)
{
	switch (cipher) {
	case SA_CIPHER_NULL:
		return len == 0;
	case SA_CIPHER_DES_CBC:
		return len == 8;
	case SA_CIPHER_3DES_CBC:
		return len == 24;
	case SA_CIPHER_AES_CBC:
	case SA_CIPHER_AES_GCM_16:
		return len == 16 || len == 24 || len == 32;
	case SA_CIPHER_CHACHA_POLY:
		return len == 32;
	}
	return false;
}

static bool is_host(const struct ip_prefix *p, const struct ip_addr *addr)
{
	return p->len == 8 * addr_size(p->addr.family) && (!addr || addr_equal(&p->addr, addr));
}

// Transport mode is between the two ends (RFC 4301 4.1). A NAT may have moved the remote one since
// its address was agreed.
static bool transport_ok(const struct sa_spec *spec)
{
	bool moves = spec->encap == SA_ENCAP_UDP;

	return spec->selector.remote.addr.family == spec->local.family &&
	       is_host(&spec->selector.local, &spec->local) &&
	       is_host(&spec->selector.remote, moves ? NULL : &spec->remote);
}

static bool prefix_ok(const struct ip_prefix *p)
{
	return addr_size(p->addr.family) && p->len <= 8 * addr_size(p->addr.family);
}

static bool is_narrow(const struct selector *sel)
{
	return sel->proto || sel->local_port || sel->remote_port;
}

bool sa_fill_needs_more(const struct sa_spec *spec, enum sa_direction direction)
{
	return spec->local.family == 6 || spec->selector.local.addr.family == 6 ||
	       spec->soft_packets || spec->hard_packets ||
	       (direction == SA_IN && is_narrow(&spec->selector));
}

int sa_fill_check(const struct sa_spec *spec, enum sa_direction direction)
{
	const struct selector *sel = &spec->selector;

	if (!key_len_ok(spec->cipher, spec->key_len) || spec->auth > SA_AUTH_HMAC_SHA512_256)
		return -EINVAL;
	if (sa_cipher_is_aead(spec->cipher) != (spec->auth == SA_AUTH_NONE))
		return -EINVAL;
	if (!addr_size(spec->local.family) || spec->local.family != spec->remote.family)
		return -EINVAL;
	if (spec->mode == SA_MODE_TRANSPORT && !transport_ok(spec))
		return -EINVAL;
	if (!prefix_ok(&sel->local) || !prefix_ok(&sel->remote) ||
	    sel->local.addr.family != sel->remote.addr.family)
		return -EINVAL;
	if (spec->replay_window > REPLAY_WINDOW_MAX || (direction == SA_OUT && spec->spi < 256))
		return -EINVAL;
	// RFC 4303 3.4.3: the upper half of the number follows from the window.
	if (spec->esn && direction == SA_IN && spec->replay_window == 0)
		return -EINVAL;
	return 0;
}

static void fill_cipher(IMB_MGR *mgr, const struct sa_spec *spec, struct sa *sa,
                        struct sa_keys *keys)
{
	sa->key_len = (uint8_t)spec->key_len;
	switch (spec->cipher) {
	case SA_CIPHER_NULL:
		sa->cipher_mode = IMB_CIPHER_NULL;
		break;
	case SA_CIPHER_DES_CBC:
		sa->cipher_mode = IMB_CIPHER_DES;
		IMB_DES_KEYSCHED(mgr, keys->des.schedule[0], spec->key);
		break;
	case SA_CIPHER_3DES_CBC:
		sa->cipher_mode = IMB_CIPHER_DES3;
		for (unsigned i = 0; i < 3; i++) {
			IMB_DES_KEYSCHED(mgr, keys->des.schedule[i], spec->key + 8 * i);
			keys->des.order[i] = keys->des.schedule[i];
		}
		break;
	case SA_CIPHER_AES_CBC:
		sa->cipher_mode = IMB_CIPHER_CBC;
		if (spec->key_len == 16)
			IMB_AES_KEYEXP_128(mgr, spec->key, keys->aes.encrypt, keys->aes.decrypt);
		else if (spec->key_len == 24)
			IMB_AES_KEYEXP_192(mgr, spec->key, keys->aes.encrypt, keys->aes.decrypt);
		else
			IMB_AES_KEYEXP_256(mgr, spec->key, keys->aes.encrypt, keys->aes.decrypt);
		break;
	case SA_CIPHER_AES_GCM_16:
		sa->cipher_mode = IMB_CIPHER_GCM;
		sa->hash_alg = IMB_AUTH_AES_GMAC;
		memcpy(sa->raw_key, spec->key, spec->key_len);
		break;
	case SA_CIPHER_CHACHA_POLY:
		sa->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
		sa->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
		memcpy(keys->chacha, spec->key, sizeof(keys->chacha));
		break;
	}
}

void sa_warm(IMB_MGR *mgr, struct sa *sa)
{
	struct gcm_key_data *keys = &sa->keys->gcm;

	if (!sa_is_cold(sa))
		return;
	if (sa->key_len == 16)
		IMB_AES128_GCM_PRE(mgr, sa->raw_key, keys);
	else if (sa->key_len == 24)
		IMB_AES192_GCM_PRE(mgr, sa->raw_key, keys);
	else
		IMB_AES256_GCM_PRE(mgr, sa->raw_key, keys);
	secret_wipe(sa->raw_key, sizeof(sa->raw_key));
	// Release: whoever sees that it is not cold sees no key in its counters' place.
	__atomic_store_n(&sa->engine, SA_ENGINE_GCM | (sa->engine & SA_ENGINE_ESN),
	                 __ATOMIC_RELEASE);
}

struct hmac {
	uint8_t hash_alg;
	uint8_t block; // bytes
};

static struct hmac hmac_of(enum sa_auth auth)
{
	static const struct hmac table[] = {
		[SA_AUTH_HMAC_MD5_96] = {IMB_AUTH_MD5, 64},
		[SA_AUTH_HMAC_SHA1_96] = {IMB_AUTH_HMAC_SHA_1, IMB_SHA1_BLOCK_SIZE},
		[SA_AUTH_HMAC_SHA256_128] = {IMB_AUTH_HMAC_SHA_256, IMB_SHA_256_BLOCK_SIZE},
		[SA_AUTH_HMAC_SHA384_192] = {IMB_AUTH_HMAC_SHA_384, IMB_SHA_384_BLOCK_SIZE},
		[SA_AUTH_HMAC_SHA512_256] = {IMB_AUTH_HMAC_SHA_512, IMB_SHA_512_BLOCK_SIZE},
	};

	return table[auth];
}

// The hash state after one block of key xor pad (RFC 2104, 4).
static void hmac_state(IMB_MGR *mgr, enum sa_auth auth, const struct sa_spec *spec, uint8_t pad,
                       uint8_t state[SA_HMAC_STATE_MAX])
{
	uint8_t block[IMB_SHA_512_BLOCK_SIZE];

	memset(block, pad, sizeof(block));
	for (unsigned i = 0; i < sa_auth_key_len(auth); i++)
		block[i] ^= spec->auth_key[i];
	switch (auth) {
	case SA_AUTH_NONE:
		break;
	case SA_AUTH_HMAC_MD5_96:
		IMB_MD5_ONE_BLOCK(mgr, block, state);
		break;
	case SA_AUTH_HMAC_SHA1_96:
		IMB_SHA1_ONE_BLOCK(mgr, block, state);
		break;
	case SA_AUTH_HMAC_SHA256_128:
		IMB_SHA256_ONE_BLOCK(mgr, block, state);
		break;
	case SA_AUTH_HMAC_SHA384_192:
		IMB_SHA384_ONE_BLOCK(mgr, block, state);
		break;
	case SA_AUTH_HMAC_SHA512_256:
		IMB_SHA512_ONE_BLOCK(mgr, block, state);
		break;
	}
	secret_wipe(block, sizeof(block));
}

static void fill_auth(IMB_MGR *mgr, const struct sa_spec *spec, struct sa *sa, struct sa_keys *keys)
{
	if (spec->auth == SA_AUTH_NONE)
		return;
	sa->hash_alg = hmac_of(spec->auth).hash_alg;
	hmac_state(mgr, spec->auth, spec, 0x36, keys->ipad);
	hmac_state(mgr, spec->auth, spec, 0x5c, keys->opad);
}

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void fill_limits(const struct sa_spec *spec, struct sa *sa)
{
	sa->kilobytes = spec->kilobytes;
	if (sa->more) {
		sa->more->soft_packets = spec->soft_packets ? spec->soft_packets : UINT64_MAX;
		sa->more->hard_packets = spec->hard_packets ? spec->hard_packets : UINT64_MAX;
	}
	sa->until = 0; // its worker finds out
}

// RFC 1071 over what does not change from packet to packet: version, TTL, protocol, addresses.
static uint16_t template_sum(const struct sa *sa)
{
	uint8_t whole[SA_IPV4_HEADER] = {0x45};
	uint32_t sum = 0;

	memcpy(whole + 8, &sa->out.ttl_proto_src, 8);
	memcpy(whole + 16, &sa->out.dst, 4);
	for (unsigned i = 0; i < sizeof(whole); i += 2) {
		uint16_t word;

		memcpy(&word, whole + i, sizeof(word));
		sum += word;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

void sa_fill_move(struct sa *sa, const struct ip_addr *remote, uint16_t remote_port)
{
	if (remote->family != (sa->outer6 ? 6 : 4))
		return;
	if (sa->encap == SA_ENCAP_UDP)
		sa->out.dst_port = remote_port;
	sa->routes = 0; // no table has this number: look up again
	if (sa->outer6) {
		memcpy(sa->more->dst, remote->bytes, sizeof(sa->more->dst));
		return;
	}
	sa->out.dst = htonl(addr_v4_host(remote));
	sa->out.sum = template_sum(sa);
}

static void fill_out(const struct sa_spec *spec, struct sa *sa)
{
	uint8_t proto = sa->encap == SA_ENCAP_UDP ? IPPROTO_UDP : IPPROTO_ESP;

	if (sa->outer6) {
		memcpy(sa->more->src, spec->local.bytes, sizeof(sa->more->src));
		// RFC 6437, 2: one for each SA, so that what spreads flows keeps their order.
		secret_random(&sa->more->flow, sizeof(sa->more->flow));
		sa->more->flow &= SA_FLOW_LABEL;
	} else {
		sa->out.ttl_proto_src = SA_OUTER_TTL | (uint32_t)proto << 8 |
		                        (uint64_t)htonl(addr_v4_host(&spec->local)) << 32;
	}
	sa->out.spi = htonl(spec->spi);
	sa->out.mtu = (uint16_t)(spec->path_mtu ? lower(spec->path_mtu, UINT16_MAX) : UINT16_MAX);
	sa->out.src_port = htons(spec->local_port);
	sa->is_narrow = spec->selector.local_port || spec->selector.remote_port;
	sa_fill_move(sa, &spec->remote, htons(spec->remote_port));
	sa->sequence = 0;
	secret_random(&sa->iv_base, sizeof(sa->iv_base));
}

static uint32_t mask_of(uint8_t len)
{
	return len ? htonl(UINT32_MAX << (32 - len)) : 0;
}

static void mask6(uint8_t len, uint64_t mask[2])
{
	uint8_t bytes[16] = {0};

	for (unsigned i = 0; i < len; i++)
		bytes[i / 8] |= (uint8_t)(0x80u >> i % 8);
	memcpy(mask, bytes, sizeof(bytes));
}

static void prefix6(const struct ip_prefix *prefix, uint64_t addr[2], uint64_t mask[2])
{
	mask6(prefix->len, mask);
	memcpy(addr, prefix->addr.bytes, 16);
	addr[0] &= mask[0];
	addr[1] &= mask[1];
}

// Does a prefix hold addresses that no host has (ipv4_source_is_bad())? By their first bytes.
static bool is_wide(const struct ip_prefix *p)
{
	uint32_t first = addr_v4_host(&p->addr) >> 24;
	uint32_t last = p->len < 8 ? first | 0xffu >> p->len : first;

	if (p->len < 8)
		first &= ~(0xffu >> p->len);
	return first == 0 || last >= 224 || (first <= 127 && last >= 127);
}

static void fill_selector(const struct selector *sel, struct sa *sa)
{
	uint32_t local_mask = mask_of(sel->local.len), remote_mask = mask_of(sel->remote.len);

	sa->in = (struct sa_selector){
		.local = htonl(addr_v4_host(&sel->local.addr)) & local_mask,
		.local_mask = local_mask,
		.remote = htonl(addr_v4_host(&sel->remote.addr)) & remote_mask,
		.remote_mask = remote_mask,
	};
	sa->is_wide = is_wide(&sel->remote);
}

static void fill_in(const struct sa_spec *spec, struct sa *sa)
{
	const struct selector *sel = &spec->selector;

	if (sa->inner6) {
		prefix6(&sel->local, sa->more->local, sa->more->local_mask);
		prefix6(&sel->remote, sa->more->remote, sa->more->remote_mask);
	} else {
		fill_selector(sel, sa);
	}
	sa->is_narrow = is_narrow(sel);
	if (sa->is_narrow)
		sa->more->narrow = (struct sa_narrow){
			.local_port = sel->local_port,
			.remote_port = sel->remote_port,
			.proto = sel->proto,
		};
	if (sa->outer6)
		memcpy(sa->more->src, spec->remote.bytes, sizeof(sa->more->src));
	else
		sa->from = htonl(addr_v4_host(&spec->remote));
	sa->from_port = spec->encap == SA_ENCAP_UDP ? htons(spec->remote_port) : 0;
}

// RFC 4303 2.4: the text ends on a 4-byte boundary, and fills the cipher's blocks.
static uint8_t alignment(enum sa_cipher cipher)
{
	switch (cipher) {
	case SA_CIPHER_AES_CBC:
		return 16;
	case SA_CIPHER_DES_CBC:
	case SA_CIPHER_3DES_CBC:
		return 8;
	default:
		return 4;
	}
}

static uint8_t engine(const struct sa_spec *spec)
{
	uint8_t esn = spec->esn ? SA_ENGINE_ESN : 0;

	if (spec->cipher == SA_CIPHER_AES_CBC && spec->auth != SA_AUTH_HMAC_MD5_96)
		return SA_ENGINE_CBC | esn;
	if (!sa_cipher_is_aead(spec->cipher))
		return SA_ENGINE_MB | esn;
	return (spec->cipher == SA_CIPHER_CHACHA_POLY ? SA_ENGINE_CHACHA : SA_ENGINE_COLD) | esn;
}

void sa_fill(IMB_MGR *mgr, const struct sa_spec *spec, enum sa_direction direction, struct sa *sa,
             struct sa_keys *keys)
{
	sa->keys = keys;
	sa->spi = spec->spi;
	sa->direction = (uint8_t)direction;
	sa->engine = engine(spec);
	sa->form = sa->asks = 0;
	sa->encap = spec->encap == SA_ENCAP_UDP;
	sa->is_transport = spec->mode == SA_MODE_TRANSPORT;
	sa->outer6 = spec->local.family == 6;
	sa->inner6 = spec->selector.local.addr.family == 6;
	sa->iv_len = (uint8_t)sa_iv_len(spec->cipher);
	sa->icv_len = (uint8_t)sa_icv_len(spec->cipher, spec->auth);
	sa->align = alignment(spec->cipher);
	sa->head_len = sa->outer6 ? SA_IPV6_HEADER : SA_IPV4_HEADER;
	if (sa->encap == SA_ENCAP_UDP)
		sa->head_len += SA_UDP_HEADER;
	sa->overhead = (uint8_t)(sa->head_len + SA_ESP_HEADER + sa->iv_len + sa->icv_len);
	memcpy(sa->salt, spec->salt, sizeof(sa->salt));
	fill_cipher(mgr, spec, sa, keys);
	fill_auth(mgr, spec, sa, keys);
	fill_limits(spec, sa);
	if (direction == SA_OUT)
		fill_out(spec, sa);
	else
		fill_in(spec, sa);
	if (direction == SA_OUT && spec->dummy_interval) {
		sa_warm(mgr, sa);
		sa->dummy = (struct sa_dummy){.interval = spec->dummy_interval};
	}
}
