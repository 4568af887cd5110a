/*
 * On a phone the rooms are a drawer.
 */

import { $ } from './app.js';

const narrow = matchMedia('(max-width: 46rem)');

export function drawer(open) {
    const was = document.body.classList.contains('drawer');
    document.body.classList.toggle('drawer', open);
    $('menu').setAttribute('aria-expanded', String(open));
    $('side').inert = narrow.matches && !open;
    document.querySelector('main').inert = narrow.matches && open;
    if (open) $('close-menu').focus();
    else if (was && narrow.matches) $('menu').focus();
}

$('menu').onclick = () => drawer(true);
$('close-menu').onclick = $('scrim').onclick = () => drawer(false);
narrow.onchange = () => drawer(false);
addEventListener('keydown', event => {
    if (event.key === 'Escape' && document.body.classList.contains('drawer')) drawer(false);
});
