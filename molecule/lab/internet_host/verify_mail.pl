#!/usr/bin/perl
# What a receiver makes of signatures: DKIM and ARC by Mail::DKIM, JSON in and out.
#
# In: a list of messages (base64, line ends as they are). Out, in the same order: `dkim`, a list of
# {domain, selector, algorithm, result, detail} for each signature, and `arc`, {result, detail} of the
# chain (`none` without one). Asks the authoritative server that /etc/resolv.conf names.
use strict;
use warnings;
use JSON::PP;
use MIME::Base64;
use Mail::DKIM::ARC::Verifier;
use Mail::DKIM::Verifier;

sub fed {
    my ($verifier, $message) = @_;
    $verifier->PRINT($message);
    $verifier->CLOSE();
    return $verifier;
}

sub judged {
    my ($message) = @_;
    my @dkim = map {
        {
            domain => $_->domain, selector => $_->selector, algorithm => $_->algorithm,
            result => $_->result, detail => $_->result_detail,
        }
    } fed(Mail::DKIM::Verifier->new(), $message)->signatures;
    # Strict keeps to RFC 8617 where Mail::DKIM is lenient by default.
    my $arc = fed(Mail::DKIM::ARC::Verifier->new(Strict => 1), $message);
    return {
        dkim => \@dkim,
        arc  => { result => $arc->result // 'none', detail => $arc->result_detail // '' },
    };
}

my $order = decode_json(do { local $/; <STDIN> });
my @found = map {
    my $message = decode_base64($_);
    $message =~ s/\r?\n/\r\n/g;
    judged($message);
} @$order;
print encode_json(\@found);
