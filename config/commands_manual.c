// `set session-key`: the keys of a crypto map entry without IKE. Any thread. Must not leave a key
// in a buffer of its own; whether keys fit their transform set is check.c's question, since the set
// may come later.
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "commands.h"
#include "secret.h"

static uint8_t hex_digit(char c)
{
	return (uint8_t)(isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10);
}

// 0, or -EINVAL at the first byte that is no hexadecimal digit, or when half a byte is left over.
static int parse_key(struct command_call *call, const char *name, uint8_t key[CONFIG_SESSION_KEY],
                     uint8_t *len)
{
	const struct command_arg *arg = command_arg(call, name);
	size_t digits = arg ? strlen(arg->text) : 0;

	*len = 0;
	if (digits == 0)
		return 0;
	for (size_t i = 0; i < digits; i++)
		if (!isxdigit((unsigned char)arg->text[i]))
			return command_fail(call, arg, "a key is given in hexadecimal digits");
	if (digits % 2 || digits / 2 > CONFIG_SESSION_KEY)
		return command_fail(call, arg,
		                    "expected an even number of hexadecimal digits, %d at most",
		                    2 * CONFIG_SESSION_KEY);
	for (size_t i = 0; i < digits; i += 2)
		key[i / 2] = (uint8_t)(hex_digit(arg->text[i]) << 4 | hex_digit(arg->text[i + 1]));
	*len = (uint8_t)(digits / 2);
	return 0;
}

static int parse_session_key(struct command_call *call, struct config_session_key *k)
{
	k->spi = (uint32_t)command_number(call, "spi", 0);
	if (!command_has(call, "cipher") && !command_has(call, "authenticator"))
		return command_fail(call, NULL, "expected 'cipher' or 'authenticator' and a key");
	if (parse_key(call, "cipher_key", k->cipher, &k->cipher_len))
		return -EINVAL;
	return parse_key(call, "auth_key", k->auth, &k->auth_len);
}

static int session_key(struct command_call *call)
{
	struct config_manual *manual = edit_map_entry(call)->manual;
	bool inbound = command_has(call, "inbound");
	struct config_session_key new = {0}, *key;
	int err = 0;

	if (!manual)
		return command_fail(call, NULL,
		                    "keys are set by hand in an ipsec-manual entry only");
	key = inbound ? &manual->in : &manual->out;
	if (call->no && !key->spi)
		return command_fail(call, NULL, "there is no such session key");
	if (!call->no)
		err = parse_session_key(call, &new);
	if (!err)
		*key = new;
	secret_wipe(&new, sizeof(new));
	return err;
}

static int session_key_ah(struct command_call *call)
{
	if (call->no)
		return 0;
	return command_fail(call, command_arg(call, "ah"),
	                    "AH is not active in this version: expected esp");
}

static const struct command_word words[] = {
	{"session-key", "Set session keys by hand"},
	{"inbound", "Inbound keys"},
	{"outbound", "Outbound keys"},
	{"esp", "ESP keys"},
	{"ah", "AH keys (not active)"},
	{"rest", "Not active in this version"},
	{"spi", "SPI number"},
	{"cipher", "Cipher key"},
	{"cipher_key", "Cipher key in hexadecimal digits; for esp-gcm key and 4 bytes of salt"},
	{"authenticator", "Authentication key"},
	{"auth_key", "Authentication key in hexadecimal digits"},
	{NULL, NULL},
};

#define KEYS "[cipher cipher_key:WORD<2-128>] [authenticator auth_key:WORD<2-128>]"

static const struct command commands[] = {
	// Inbound SPIs from 2147483648 on are IKE's here.
	{MODE_CRYPTO_MAP, "set session-key inbound esp spi:<256-2147483647> " KEYS,
         "set session-key inbound esp", session_key, words},
	{MODE_CRYPTO_MAP, "set session-key outbound esp spi:<256-4294967295> " KEYS,
         "set session-key outbound esp", session_key, words},
	{MODE_CRYPTO_MAP, "set session-key {inbound|outbound} ah rest:LINE", "", session_key_ah,
         words},
};

const struct command_table commands_manual = {commands, sizeof(commands) / sizeof(commands[0]),
                                              1u << CONFIG_MAP_ENTRY};
